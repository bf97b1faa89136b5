"""What a request may say without effect: upstream addresses, roles, file names, HTML."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rushes.domain.access import DEFAULT_ACCOUNT_ID, Scope
from rushes.domain.spec import Spec
from rushes.domain.task import Status
from rushes.gateway.looks import Policies
from rushes.ports import Transaction
from rushes.testing.conformance.providers import scene_of
from rushes.testing.conformance.scenes.simulated import SimulatedStage
from rushes.testing.conformance.stage import Stage
from wiring import SECRET, Wired, wired

ROOT = "/v1/video/generations"
BODY = {"model": "sora-2", "prompt": "a heron over a canal", "seed": 7}
CREATES = (ROOT, "/v1/videos")


def a_png(shade: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (0, 128, shade)).save(out, "PNG")
    return out.getvalue()


@asynccontextmanager
async def a_trap() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server of a stranger's; yields its address, and what came there."""
    met: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}", met
    finally:
        server.close()
        await server.wait_closed()


def hosts_named(host: str) -> dict[str, Any]:
    """Every name under which some gateway lets a caller say where a request goes."""
    names = (
        "base_url",
        "baseUrl",
        "api_base",
        "apiBase",
        "api_url",
        "endpoint",
        "host",
        "custom_host",
        "customHost",
        "provider",
        "provider_url",
        "url",
        "proxy",
        "proxies",
        "http_proxy",
        "azure_endpoint",
        "api_version",
        "headers",
        "extra_headers",
        "extra_body",
        "extra_query",
        "api_key",
        "apiKey",
        "organization",
        "litellm_params",
        "mock_response",
        "route",
        "routes",
        "upstream",
        "upstream_model",
        "config",
        "portkey",
        "target",
        "targets",
        "webhook_url",
    )
    return dict.fromkeys(names, f"http://{host}/v1")


def headers_naming(host: str) -> dict[str, str]:
    names = (
        "x-portkey-custom-host",
        "x-portkey-config",
        "x-portkey-provider",
        "x-custom-host",
        "x-base-url",
        "x-api-base",
        "api-base",
        "x-litellm-api-base",
        "x-target-url",
        "x-upstream",
        "x-upstream-host",
        "x-forwarded-host",
        "x-original-url",
        "forwarded",
        "proxy",
        "x-http-destinationurl",
        "destination",
        "openai-organization",
        "x-goog-api-client",
        "via",
    )
    return dict.fromkeys(names, f"http://{host}/v1") | {"host": host}


async def spec_of(house: Wired, root: str, body: Mapping[str, Any], **more: Any) -> Spec:
    async with house.client() as client:
        answer = await client.post(root, json=body, **more)
    assert answer.status_code == 200, answer.text
    return house.task(answer.json()["id"]).spec


@pytest.mark.promise("P9")
@pytest.mark.advisory("CVE-2025-66405", "CVE-2026-110719")
@pytest.mark.parametrize("kind", ["openai_videos", "ark", "dashscope"])
async def test_no_field_and_no_header_of_a_caller_moves_a_submit_to_another_host(
    kind: str, tmp_path: Path
) -> None:
    """Even where the operator passes all metadata on: into the body, never into the address."""
    async with (
        wired(tmp_path, policies=Policies(metadata="all")) as house,
        a_trap() as (host, met),
        cast("contextlib.AbstractAsyncContextManager[Stage]", scene_of(kind).open()) as opened,
    ):
        stage = cast("SimulatedStage", opened)
        plain = await spec_of(house, ROOT, BODY)
        evil = hosts_named(host)
        metadata = {**evil, "parameters": evil, "input": evil}
        told = await spec_of(
            house, ROOT, {**BODY, **evil, "metadata": metadata}, headers=headers_naming(host)
        )
        assert replace(told, passthrough=plain.passthrough) == plain
        for spec in (plain, told):
            mine = replace(stage.spec(), options=spec.options, passthrough=spec.passthrough)
            await stage.provider.submit(
                mine, upstream_model=stage.upstream_model, token="0" * 32, assets=stage.assets
            )
        first, second = (seen for seen in stage.simulator.seen if seen.method == "POST")
        kept = ("host", "authorization")
        assert (first.method, first.path, first.query) == (second.method, second.path, second.query)
        assert [first.headers[n] for n in kept] == [second.headers[n] for n in kept]
        assert not set(second.headers) - set(first.headers)
        assert (met, stage.told_to_strangers()) == ([], [])


@pytest.mark.advisory("CVE-2025-66405", "CVE-2026-110719")
async def test_no_header_of_a_caller_changes_what_is_made(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, a_trap() as (host, met):
        for root in CREATES:
            plain = await spec_of(house, root, BODY)
            for name, value in headers_naming(host).items():
                assert await spec_of(house, root, BODY, headers={name: value}) == plain, name
        assert met == []


# -- what a caller may not write ---------------------------------------------------------------

WRITES = {
    ("POST", ROOT): "a task",
    ("POST", f"{ROOT}/{{task_id}}/cancel"): "the end of a task; its body is ignored",
    ("DELETE", f"{ROOT}/{{task_id}}"): "the record of a task",
    ("POST", "/v1/video/quotes"): "nothing: a price",
    ("POST", "/v1/videos"): "a task",
    ("POST", "/v1/videos/{video_id}/remix"): "a task",
    ("POST", "/v1/videos/edits"): "a task",
    ("POST", "/v1/videos/extensions"): "a task",
    ("POST", "/v1/videos/characters"): "nothing: not offered",
    ("DELETE", "/v1/videos/{video_id}"): "the record of a task",
    ("POST", "/hooks/{provider}/{token}"): "nothing: a bell",
}
"""Every route that is not read, and what it may write. A route that writes more, such as those of
the operator's API, stands here with a test of its own for the fields that it takes."""

ROLES: dict[str, Any] = {
    "user_role": "proxy_admin",
    "role": "admin",
    "roles": ["admin"],
    "is_admin": True,
    "scope": "admin",
    "scopes": ["admin", "read", "generate"],
    "permissions": ["*"],
    "account": "acct_" + "b" * 32,
    "account_id": "acct_" + "b" * 32,
    "key_id": "key_" + "b" * 32,
    "key": "sk-live-other",
    "owner": "root",
    "team_id": "t",
    "max_budget": 10**9,
    "models": ["*"],
    "hold_microusd": -1,
    "price": -1,
    "cost": -1,
    "charged_microusd": -(10**15),
    "status": "succeeded",
    "is_rehearsal": False,
    "expires_at": None,
    "general_settings": {"master_key": None},
    "environment_variables": {"PATH": "/tmp"},
    "settings": {"metrics_open": True},
}


def table(path: Path, name: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {name}").fetchall()


KEPT = ("keys", "accounts", "house", "endpoints", "webhook_secrets", "routes_health", "audit")
"""Tables that no request of a caller writes."""


def kept(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {name: table(path, name) for name in KEPT}


@pytest.mark.advisory("CVE-2026-35029", "CVE-2026-47102")
async def test_every_route_that_writes_stands_here_with_what_it_writes(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        routes = house.application.routes
    writing = {(route.method, route.path) for route in routes if route.method != "GET"}
    operators = {place for place in writing if place[1].startswith("/admin/")}
    assert writing - operators == set(WRITES)
    patched = {path for method, path in operators if method in {"PATCH", "PUT"}}
    assert patched == {
        "/admin/v1/accounts/{account_id}",
        "/admin/v1/keys/{key_id}",
        "/admin/v1/budgets/{owner}/{period}",
    }


@pytest.mark.advisory("CVE-2026-35029", "CVE-2026-47102")
async def test_an_operator_changes_what_may_be_changed_and_no_more(tmp_path: Path) -> None:
    """A key's digest, owner and birth are written once, for an operator, too."""
    fixed = {"id": "key_x", "digest": "00", "secret": "sk-live-mine", "prefix": "sk-test-",
             "account_id": "acct_" + "b" * 32, "created_at": 0, "revoked_at": None, "is_test": True,
             "replaced_by": "key_x", "hash": "x"}  # fmt: skip
    async with wired(tmp_path) as house:
        house.add_key("sk-live-operator", scopes=frozenset(Scope))
        plain = house.add_key("sk-live-plain", scopes=frozenset({Scope.READ}))
        await house.keyring.reload()
        async with house.client("sk-live-operator") as client:
            for name, value in fixed.items():
                answer = await client.patch(f"/admin/v1/keys/{plain.id}", json={name: value})
                assert answer.status_code in {200, 400}, answer.text
        async with house.client("sk-live-plain") as client:
            own = await client.patch(f"/admin/v1/keys/{plain.id}", json={"scopes": ["admin"]})
        assert own.status_code == 403
        after = house.store.read_now(lambda tx: tx.key_by_digest(plain.digest))
        assert after == plain


@pytest.mark.promise("P8")
@pytest.mark.advisory("CVE-2026-35029", "CVE-2026-47102", "CVE-2026-71479")
async def test_no_body_makes_a_caller_more_than_they_are(tmp_path: Path) -> None:
    """Roles, owners, prices and settings in a body are names without effect."""
    async with wired(tmp_path) as house:
        narrow = house.add_key("sk-live-narrow", scopes=frozenset({Scope.GENERATE}))
        before = kept(tmp_path / "rushes.db")
        forms: list[dict[str, Any]] = [
            {"json": {**BODY, **ROLES}},
            {"json": {**BODY, "metadata": ROLES}},
            {"json": {**BODY, "metadata": {"parameters": ROLES, "input": ROLES}}},
            {"files": [(name, (None, str(value))) for name, value in {**BODY, **ROLES}.items()]},
        ]
        async with house.client("sk-live-narrow") as client:
            for root in CREATES:
                for form in forms:
                    answer = await client.post(root, **form)
                    assert answer.status_code == 200, answer.text
                    task = house.task(answer.json()["id"])
                    assert (task.account_id, task.key_id) == (DEFAULT_ACCOUNT_ID, narrow.id)
                    assert (task.status, task.hold_microusd) == (Status.QUEUED, 0)
            for method in ("PUT", "PATCH", "POST"):
                for path in ("/v1/webhooks/secret", "/v1/models", "/v1/models/sora-2", "/v1/keys"):
                    assert (await client.request(method, path, json=ROLES)).is_client_error
            assert (await client.get("/v1/webhooks/secret")).status_code == 403
        assert kept(tmp_path / "rushes.db") == before


NUMBERS = [
    -1,
    -5,
    0,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    10**18,
    10**30,
    -(10**30),
    1e308,
    -1e308,
    1e-308,
    4.999999999999999,
    "9" * 400,
    "-9",
    "1e99",
    "0x5",
    "NaN",
    "Infinity",
    "\u0665",
]


@pytest.mark.promise("P5")
@pytest.mark.advisory("CVE-2026-71479")
async def test_no_number_of_a_body_becomes_money(tmp_path: Path) -> None:
    """Lengths, counts and sizes are bounded by the card before anything could be priced."""
    fields = ("seconds", "duration", "n", "sampleCount", "seed", "width", "height", "fps", "size")
    async with wired(tmp_path) as house, house.client() as client:
        for name in fields:
            for number in NUMBERS:
                answer = await client.post(ROOT, json={**BODY, name: number})
                assert answer.status_code in {200, 400}, (name, number, answer.text)
                if answer.is_success:
                    task = house.task(answer.json()["id"])
                    assert 1 <= task.spec.seconds <= 20
                    assert 0 < task.spec.size.width_px * task.spec.size.height_px < 10**8
                    assert task.hold_microusd == 0
        held = await house.store.read(lambda tx: ledger_of(tx, house))
        assert all(amount >= 0 for amount in held)


def ledger_of(tx: Transaction, house: Wired) -> Sequence[int]:
    return [
        entry.amount_microusd
        for task_id, _, _ in house.dispatcher.given
        for entry in tx.entries(task_id)
    ]


# -- names of files ------------------------------------------------------------------------------

FILE_NAMES = [
    "../../../../tmp/rushes-was-here.png",
    "..\\..\\rushes-was-here.png",
    "/tmp/rushes-was-here.png",
    "/etc/passwd",
    "C:\\rushes-was-here.png",
    "\\\\server\\share\\rushes-was-here.png",
    "file:///tmp/rushes-was-here.png",
    "....//....//rushes-was-here.png",
    "%2e%2e%2frushes-was-here.png",
    "rushes-was-here.png\x00.txt",
    "CON",
    "NUL.png",
    "aux.h",
    ".htaccess",
    ".",
    "..",
    "~/rushes-was-here",
    "$(touch rushes-was-here)",
    "`touch rushes-was-here`",
    "; touch rushes-was-here",
    "-rf",
    "a" * 2000 + ".png",
    "é" * 300,
    "<script>rushes-was-here</script>.png",
    '" onload="x',
]
BLOB = re.compile(r"blobs/(inputs(/[0-9a-f]{64})?|\.temporary)")


def is_outside() -> bool:
    return Path("/tmp/rushes-was-here.png").exists()


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.advisory("CVE-2026-7302")
@pytest.mark.parametrize("root", CREATES)
async def test_the_name_of_an_upload_names_nothing_here(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is named by its SHA-256; beside the data folder nothing appears."""
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    monkeypatch.chdir(home)
    async with wired(home / "data") as house, house.client() as client:
        before = tree(home)
        for number, name in enumerate(FILE_NAMES, 1):
            answer = await client.post(
                root,
                data={"model": "sandbox", "prompt": "a heron"},
                files={"input_reference": (name, a_png(number), "image/png")},
            )
            assert answer.status_code == 200, (name, answer.text)
            found = {path.removeprefix("data/") for path in tree(home) - before}
            kept_files = [path for path in found if path.startswith("blobs/inputs/")]
            assert len(kept_files) == number, name
            strange = [path for path in found if not BLOB.fullmatch(path)]
            assert all(path.startswith("rushes.db") for path in strange), (name, strange)
            assert not is_outside()
        path = home / "data" / "rushes.db"
        assert "rushes-was-here" not in repr(table(path, "tasks") + table(path, "inputs"))


@pytest.mark.advisory("CVE-2026-7302")
def test_no_raw_part_of_a_form_names_a_file_here(tmp_path: Path) -> None:
    """The same with heads of parts that no library would write."""
    house = Wired(tmp_path)
    before = tree(tmp_path)
    pieces = st.sampled_from(
        [
            "../",
            "..\\",
            "/",
            "%00",
            "\x00",
            '"',
            "\\",
            ";",
            "filename=",
            "filename*=UTF-8''",
            "..%2f",
            "=?utf-8?b?Li4v?=",
            "a",
            ".png",
            " ",
            "'",
            "\xff",
        ]
    )
    with asyncio.Runner() as runner:
        runner.run(house.keyring.reload())

        @settings(
            max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(named=st.lists(pieces, max_size=8).map("".join), field=st.lists(pieces, max_size=4))
        def try_one(named: str, field: Sequence[str]) -> None:
            name = "".join(field) or "input_reference"
            head = f'Content-Disposition: form-data; name="{name}"; filename="{named}"'
            body = b"\r\n".join(
                [
                    b"--b",
                    head.encode("latin-1"),
                    b"Content-Type: image/png",
                    b"",
                    a_png(),
                    b"--b",
                    b'Content-Disposition: form-data; name="prompt"',
                    b"",
                    b"a heron",
                    b"--b",
                    b'Content-Disposition: form-data; name="model"',
                    b"",
                    b"sandbox",
                    b"--b--",
                    b"",
                ]
            )
            answer = runner.run(posted(house, body))
            assert answer.status_code in {200, 400}, answer.text

        try_one()
    house.close()
    for path in tree(tmp_path) - before:
        assert BLOB.fullmatch(path) or path.startswith("rushes.db"), path


async def posted(house: Wired, body: bytes) -> httpx2.Response:
    async with house.client() as client:
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        return await client.post(ROOT, content=body, headers=kind)


# -- what is shown, and to whom ---------------------------------------------------------------

SCRIPT = (
    "<script>alert(document.domain)</script><img src=x onerror=alert(1)>[a](javascript:alert(1))"
)


def reads(house: Wired, task_id: str) -> list[str]:
    """Every address of the wire that is read, filled in with a task."""
    filled = []
    for route in house.application.routes:
        if route.method == "GET" and route.is_described:
            path = re.sub(r"\{(task_id|video_id)\}", task_id, route.path)
            path = path.replace("{model}", "sora-2").replace("{character_id}", "c1")
            filled.append(f"{path}?id={task_id}" if path.endswith("/download") else path)
    return filled


async def a_film(house: Wired, **said: Any) -> str:
    async with house.client() as client:
        answer = await client.post(ROOT, json={**BODY, **said})
        assert answer.status_code == 200, answer.text
        name: str = answer.json()["id"]
        await house.bring(house.task(name), Status.SUCCEEDED)
        return name


@pytest.mark.advisory("CVE-2026-25802")
async def test_no_word_of_a_caller_is_ever_html(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client() as client:
        pages = {path: (await client.get(path)).content for path in ("/docs", "/console/")}
        said = {"prompt": SCRIPT, "user": SCRIPT, "metadata": {"note": SCRIPT, SCRIPT: SCRIPT}}
        name = await a_film(house, **said)
        for path in reads(house, name):
            answer = await client.get(path)
            kind = answer.headers.get("content-type", "")
            if path in pages:
                assert answer.content == pages[path]
            elif kind.startswith(("video/", "image/")) or not answer.content:
                continue
            else:
                assert kind.partition(";")[0] in {
                    "application/json",
                    "text/event-stream",
                    "text/plain",
                }, (path, kind)
        for path in ("/<script>", "/v1/<script>", f"/v1/models/{SCRIPT}", f"{ROOT}/{SCRIPT}"):
            answer = await client.get(path)
            assert answer.headers["content-type"] == "application/json"


@pytest.mark.advisory("CVE-2026-25802")
async def test_a_page_of_html_runs_a_file_of_ours_and_no_script_within_it(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client(None) as client:
        for path in ("/docs", "/console/"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"].split("; ")
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            for attributes, inside in re.findall(
                r"<script([^>]*)>(.*?)</script>", answer.text, re.DOTALL
            ):
                assert not inside.strip()
                assert re.search(r'src="(?!//)[/\w.]+"', attributes)


@pytest.mark.promise("P8")
@pytest.mark.advisory("new-api video_proxy")
async def test_nothing_of_a_caller_may_be_kept_by_a_shared_cache(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client() as client:
        name = await a_film(house)
        link = (await client.get(f"{ROOT}/{name}")).json()["url"]
        shown = [*reads(house, name), link.removeprefix("http://localhost:8080"), "/v1/nowhere"]
        shown += [
            f"/v1/videos/{name}/content?variant={kind}" for kind in ("thumbnail", "spritesheet")
        ]
        for path in shown:
            for headers in ({}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"}):
                answer = await client.get(path, headers=headers)
                said = answer.headers["cache-control"]
                words = {word.strip() for word in said.split(",")}
                assert words & {"private", "no-store"}, (path, said)
                assert not words & {"public"}, (path, said)
                assert not [word for word in words if word.startswith("s-maxage")], (path, said)


@pytest.mark.advisory("GO-2026-4813")
async def test_no_answer_tells_a_digest_a_key_or_what_links_are_signed_with(
    tmp_path: Path,
) -> None:
    """What keeps others out is written once and read by nobody."""
    async with wired(tmp_path) as house, house.client() as client:
        name = await a_film(house)
        hidden = [
            SECRET,
            house.key.digest.hex(),
            house.links.secret.hex(),
            house.links.secret.decode(),
        ]
        for path in [*reads(house, name), "/v1/nowhere", "/v1/videos/x"]:
            answer = await client.get(path)
            told = answer.text + repr(answer.headers)
            assert not [secret for secret in hidden if secret in told], path
