"""What `deploy/` holds runs elsewhere: here it is read, and held to what the code knows.

Neither Docker nor systemd is asked. Every command in these files is one that the command line
takes, every variable is a setting, every path of the proxy is a route.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer._click.exceptions import UsageError

from living import menu
from rushes.http.live import HEARTBEAT_S
from rushes.settings import Settings, load
from wiring import wired

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: Mapping[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one.get("image") == "rushes:local"}
LISTENERS = [name for name in OURS if name != "migrate"]
PROXY = (DEPLOY / "compose" / "nginx.conf").read_text(encoding="utf-8")
WAIT_MAX_S = 60
"""The longest long-poll; CONTRACT §6."""


def takes(words: Sequence[str]) -> None:
    """Hold a command line to the command line, without running it."""
    command: Any = menu()
    words = list(words)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("rushes", words)


def is_setting(name: str) -> bool:
    """Say whether a RUSHES_… variable is one that the settings read."""
    lower = name.removeprefix("RUSHES_").lower()
    section, _, rest = lower.partition("_")
    fields = Settings.model_fields
    nested = fields[section].default if section in fields else None
    return name == "RUSHES_CONFIG" or lower in fields or rest in type(nested).model_fields


def seconds(text: str) -> float:
    """Read a time of compose, nginx or systemd."""
    found = re.fullmatch(r"(\d+)(s|min|m|h)?", text)
    assert found is not None, text
    return int(found[1]) * {"s": 1, None: 1, "m": 60, "min": 60, "h": 3600}[found[2]]


def test_a_wrong_command_line_would_be_noticed() -> None:
    for words in (["serf"], ["serve", "--prot", "1"], ["keys", "burn"], ["serve", "--port", "x"]):
        with pytest.raises((KeyError, UsageError)):
            takes(words)


def test_every_variable_is_a_setting() -> None:
    for file in filter(Path.is_file, DEPLOY.rglob("*")):
        if "secrets" in file.parts:
            continue
        for name in re.findall(r"\bRUSHES_[A-Z_]+", file.read_text(encoding="utf-8")):
            assert is_setting(name), f"{file.name} names {name}"


# -- systemd -----------------------------------------------------------------------------------

DIRECTIVES: Mapping[str, str] = {
    "Unit": "Description Documentation Wants After StartLimitIntervalSec",
    "Install": "WantedBy",
    "Service": """
        Type Environment EnvironmentFile ExecStart ExecReload Restart RestartSec
        TimeoutStartSec TimeoutStopSec KillMode LimitNOFILE
        StateDirectory StateDirectoryMode User Group UMask WorkingDirectory
        NoNewPrivileges CapabilityBoundingSet AmbientCapabilities ProtectSystem ProtectHome
        PrivateTmp PrivateDevices ProtectClock ProtectHostname ProtectKernelLogs
        ProtectKernelModules ProtectKernelTunables ProtectControlGroups ProtectProc
        RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID RemoveIPC
        LockPersonality SystemCallArchitectures SystemCallFilter SystemCallErrorNumber
    """,
}
"""Those of systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.kill(5) in use."""


def directives(unit: Path) -> Iterator[tuple[str, str, str]]:
    """Read a unit: section, name and value of each line."""
    section = ""
    for line in unit.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
            continue
        name, equals, value = line.partition("=")
        assert equals, f"{unit.name}: {line}"
        yield section, name, value


def unit_values(unit: Path) -> dict[str, str]:
    return {name: value.replace("%i", "8081") for _, name, value in directives(unit)}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_says_what_systemd_knows_and_each_thing_once(unit: Path) -> None:
    said = [(section, name) for section, name, _ in directives(unit)]
    assert len(said) == len(set(said))
    for section, name in said:
        assert name in DIRECTIVES[section].split(), f"[{section}] {name}"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_what_there_is_and_has_time_to_drain(unit: Path) -> None:
    said = unit_values(unit)
    program, *words = shlex.split(said["ExecStart"])
    assert program == "/opt/rushes/bin/rushes"
    takes(words)
    environment = dict(one.split("=", 1) for one in shlex.split(said["Environment"]))
    assert environment["RUSHES_DATA_DIR"] == f"/var/lib/{said['StateDirectory']}"
    assert said["WorkingDirectory"] == environment["RUSHES_DATA_DIR"]
    if said["Type"] != "oneshot":
        assert seconds(said["TimeoutStopSec"]) > 2 * load().server.drain_s
        assert said["Restart"] == "always"
        assert int(said["LimitNOFILE"]) >= 65_536
        assert said["ExecReload"] == "/bin/kill -HUP $MAINPID"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_closed_to_what_it_does_not_need(unit: Path) -> None:
    said = unit_values(unit)
    assert said["User"] == "rushes"
    assert said["ProtectSystem"] == "strict"
    assert (said["CapabilityBoundingSet"], said["AmbientCapabilities"]) == ("", "")
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"):
        assert said[name] == "yes", name


def test_the_schema_comes_before_processes_that_may_be_many() -> None:
    for unit in UNITS:
        if "@" in unit.name:
            said = unit_values(unit)
            assert "rushes-migrate.service" in said["After"].split()
            assert "rushes-migrate.service" in said["Wants"].split()
            assert "8081" in said["StateDirectory"], "no two processes share a folder"


# -- the image ---------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile: each instruction and what it says."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found = [line.partition(" ") for line in lines if line.strip()]
    return [(name, rest.strip()) for name, _, rest in found]


def stages() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what builds, and what is shipped."""
    every = instructions()
    cuts = [place for place, (name, _) in enumerate(every) if name == "FROM"]
    assert len(cuts) == 2
    return every[cuts[0] : cuts[1]], every[cuts[1] :]


def test_the_image_is_pinned_and_holds_no_tools_of_builders() -> None:
    known = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "VOLUME", "EXPOSE",
             "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}  # fmt: skip
    assert {name for name, _ in instructions()} <= known
    build, shipped = stages()
    installs = [
        part for name, rest in build if name == "RUN" for part in rest.split("&&")
        if "pip install" in part
    ]  # fmt: skip
    assert installs
    for install in installs:
        assert "--constraint constraints.txt" in install
        assert "--only-binary :all:" in install
    for _, rest in shipped:
        assert not re.search(r"apt-get|\bpip\b|gcc|build-essential", rest), rest
    python = dict(instructions())["ARG"].partition("=")[2]
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", python)


def test_the_image_runs_as_nobody_and_can_be_asked_how_it_is() -> None:
    shipped = dict(stages()[1])
    assert shipped["USER"] == "10001:10001"
    assert json.loads(shipped["ENTRYPOINT"]) == ["rushes"]
    takes(json.loads(shipped["CMD"]))
    check = json.loads(shipped["HEALTHCHECK"].partition("CMD ")[2])
    compile(check[-1], "HEALTHCHECK", "exec")
    environment = dict(one.split("=", 1) for one in shlex.split(shipped["ENV"]))
    port = environment["RUSHES_SERVER_PORT"]
    assert f"127.0.0.1:{port}/healthz" in check[-1]
    assert shipped["EXPOSE"] == port
    assert shipped["VOLUME"] == environment["RUSHES_DATA_DIR"] == shipped["WORKDIR"]


def test_an_image_is_built_from_what_is_let_in() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    copied = {
        source
        for name, rest in instructions()
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert copied == let_in
    for name in copied:
        assert (ROOT / name).exists(), name


# -- compose -----------------------------------------------------------------------------------


def test_there_are_two_of_everything_that_can_be_two() -> None:
    commands = [one["command"][0] for one in OURS.values()]
    assert sorted(commands) == ["api", "api", "migrate", "worker", "worker"]
    assert set(SERVICES) - set(OURS) == {"postgres", "objects", "bucket", "proxy"}
    for one in OURS.values():
        takes(one["command"])


def test_every_service_is_started_after_what_it_needs_is_well() -> None:
    for name, one in SERVICES.items():
        for needed, terms in one.get("depends_on", {}).items():
            condition = terms["condition"]
            if condition == "service_completed_successfully":
                assert needed in {"migrate", "bucket"}
                assert SERVICES[needed]["restart"] == "on-failure"
                continue
            assert condition == "service_healthy", name
            assert "healthcheck" in SERVICES[needed] or needed in LISTENERS
    for name in LISTENERS:
        assert set(OURS[name]["depends_on"]) == {"migrate", "bucket", "postgres"}
    assert set(SERVICES["proxy"]["depends_on"]) == {"api-1", "api-2"}


def test_our_services_are_closed_drain_and_share_no_folder() -> None:
    folders = []
    for name, one in OURS.items():
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert one["init"], "the studio's children need somebody who reaps"
        assert seconds(one["stop_grace_period"]) > 2 * load().server.drain_s
        assert "ports" not in one, f"{name} is reached through the proxy only"
        folders += [v.split(":")[0] for v in one["volumes"] if v.endswith(":/var/lib/rushes")]
    assert len(set(folders)) == len(OURS)
    assert set(folders) <= set(COMPOSE["volumes"])


def test_what_holds_the_truth_is_reached_from_inside_only() -> None:
    assert COMPOSE["networks"]["inside"]["internal"]
    assert SERVICES["bucket"]["image"] == SERVICES["objects"]["image"]
    for name in ("postgres", "objects", "bucket"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]
    assert SERVICES["proxy"]["networks"] == ["outside"]


def test_secrets_are_files_that_the_script_makes(tmp_path: Path) -> None:
    declared = COMPOSE["secrets"]
    used = {secret for one in SERVICES.values() for secret in one.get("secrets", ())}
    assert used == set(declared)
    for name, one in declared.items():
        assert one == {"file": f"./compose/secrets/{name}"}
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for name in re.findall(r"/run/secrets/(\w+)", text + PROXY):
        assert name in declared
    # It says no where it may not give the files away; by then they are made.
    shutil.copy(DEPLOY / "compose" / "make-secrets.sh", tmp_path)
    for _ in range(2):
        subprocess.run(
            ["sh", str(tmp_path / "make-secrets.sh")], check=False, capture_output=True, timeout=60
        )
        made = {file.name: file.read_bytes() for file in (tmp_path / "secrets").iterdir()}
        assert set(made) | {"tls_certificate", "tls_key"} == set(declared)
    identity = json.loads(made["s3_identities"])["identities"][0]["credentials"][0]
    assert identity["accessKey"].encode() == made["s3_access_key"].strip()
    assert identity["secretKey"].encode() == made["s3_secret_key"].strip()
    assert made["pgpass"].decode() == (
        f"postgres:5432:rushes:rushes:{made['postgres_password'].decode()}\n"
    )
    for file in (tmp_path / "secrets").iterdir():
        assert file.stat().st_mode & 0o077 == 0


# -- the proxy ---------------------------------------------------------------------------------


def proxied() -> list[tuple[bool, str]]:
    """Return the locations that lead to us: whether it is the whole path, and the path."""
    return [
        (bool(whole), path)
        for whole, path in re.findall(r"location (= )?(\S+) \{ proxy_pass http://rushes; \}", PROXY)
    ]


async def test_the_proxy_leads_to_every_route_that_is_a_callers(tmp_path: Path) -> None:
    kept_in = {"/metrics", "/readyz"}
    async with wired(tmp_path) as house:
        every = {route.path for route in house.application.routes}
    paths = {path for path in every if not path.startswith("/admin/")}  # operators come from within
    led: set[str] = set()
    for is_whole, prefix in proxied():
        found = {
            path for path in paths if (path == prefix if is_whole else path.startswith(prefix))
        }
        assert found, f"nothing is at {prefix}"
        led |= found
    assert paths - led == kept_in


def directive(name: str) -> str:
    values = re.findall(rf"^\s+{name}\s+([^;]+);", PROXY, re.MULTILINE)
    assert values, name
    return str(values[-1])


def test_the_proxy_has_room_and_patience_for_what_we_take() -> None:
    settings = load()
    size = int(directive("client_max_body_size").removesuffix("m")) * 2**20
    assert size > settings.limits.form_bytes_max
    number, each = directive("large_client_header_buffers").split()
    assert int(each.removesuffix("k")) * 2**10 >= settings.limits.header_bytes_max
    assert int(number) * int(each.removesuffix("k")) * 2**10 > settings.limits.header_bytes_max
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        assert seconds(directive(name)) >= WAIT_MAX_S + 15
        assert seconds(directive(name)) > 2 * HEARTBEAT_S
    assert directive("proxy_buffering") == "off"
    held = re.search(r"keepalive_timeout (\d+)s;\s+# less", PROXY)
    assert held is not None
    assert int(held[1]) < settings.limits.keep_alive_s


@pytest.mark.promise("P2")
def test_the_proxy_never_sends_a_create_twice() -> None:
    assert "non_idempotent" not in directive("proxy_next_upstream")


def test_the_proxy_asks_the_services_there_are() -> None:
    servers = re.findall(r"^\s+server (\S+):(\d+) ", PROXY, re.MULTILINE)
    assert [name for name, _ in servers] == [
        name for name, one in OURS.items() if one["command"] == ["api"]
    ]
    assert {int(port) for _, port in servers} == {8080}
    assert "listen 443 ssl" in PROXY


def test_the_settings_of_compose_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    file = DEPLOY / "compose" / "rushes.toml"
    monkeypatch.setenv("RUSHES_CONFIG", str(file))
    monkeypatch.setenv("RUSHES_SERVER_PUBLIC_URL", "https://films.example.com")
    settings = load()
    said = tomllib.loads(file.read_text(encoding="utf-8"))
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 8080)
    database = re.fullmatch(r"postgresql://(\w+)@(\w+)/(\w+)", said["database"]["url"])
    assert database is not None
    postgres = SERVICES["postgres"]["environment"]
    assert database.groups() == (postgres["POSTGRES_USER"], "postgres", postgres["POSTGRES_DB"])
    flags = SERVICES["objects"]["command"]
    port = next(flag for flag in flags if flag.startswith("-s3.port=")).partition("=")[2]
    assert said["storage"]["endpoint"] == f"http://objects:{port}"
    assert f":{port}/healthz" in SERVICES["objects"]["healthcheck"]["test"][-1]
    text = file.read_text(encoding="utf-8")
    for name in OURS:
        secrets = {f"/run/secrets/{secret}" for secret in OURS[name]["secrets"]}
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert set(re.findall(r"/run/secrets/\w+", "\n".join(lines))) <= secrets
        assert f"{file.relative_to(DEPLOY)}" in OURS[name]["volumes"][0]
