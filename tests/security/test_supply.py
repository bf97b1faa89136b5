"""What is installed beside us: pinned, and nothing of it runs unasked when a Python starts."""

from __future__ import annotations

import re
import sysconfig
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent
SITE = Path(sysconfig.get_path("purelib"))
TROJANED = ("LiteLLM 1.82.7", "LiteLLM 1.82.8")

PTH = {
    "_editable_impl_rushes.pth": "one line: where our own sources are",
    "distutils-precedence.pth": "setuptools, which venv puts into a Python 3.11",
    "_virtualenv.pth": "virtualenv, where that made the environment",
}
"""Files that Python runs at every start, by name; what they may hold is told below."""

BUILT_IN = {"pip", "setuptools", "wheel", "rushes"}
"""What an environment is born with, and we ourselves."""


def plain(name: str) -> str:
    """Return a distribution's name as pip compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {plain(name): version for name, _, version in (line.partition("==") for line in lines)}


def installed() -> dict[str, Distribution]:
    return {plain(each.name): each for each in distributions(path=[str(SITE)])}


def own_pth(text: str) -> bool:
    """Say whether a `.pth` file runs nothing: lines that begin with `import` are executed."""
    return not [line for line in text.splitlines() if line.startswith(("import ", "import\t"))]


def declared() -> list[Requirement]:
    """Return what a server and the tests ask for by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [
        Requirement(line) for line in (*project["dependencies"], *extras["server"], *extras["test"])
    ]


def needed() -> dict[str, Distribution]:
    """Return everything that comes along with that, however far behind."""
    there, found = installed(), dict[str, Distribution]()
    waiting = [(wish.name, wish.extras) for wish in declared()]
    while waiting:
        name, extras = waiting.pop()
        one = there.get(plain(name))
        if one is None or (plain(name) in found and not extras):
            continue
        found[plain(name)] = one
        for line in one.requires or ():
            wish = Requirement(line)
            tried = [{"extra": extra} for extra in (*extras, "")]
            if wish.marker is None or any(wish.marker.evaluate(each) for each in tried):
                waiting.append((wish.name, wish.extras if plain(wish.name) not in found else set()))
    return found


@pytest.mark.advisory(*TROJANED)
def test_everything_that_comes_along_is_installed_at_its_pin() -> None:
    wanted, found = pins(), needed()
    assert len(found) > 60
    for name, one in found.items():
        assert name in wanted, f"{name} comes along and has no pin"
        assert one.version == wanted[name], name


@pytest.mark.advisory(*TROJANED)
def test_every_dependency_that_is_declared_has_a_pin() -> None:
    assert {plain(wish.name) for wish in declared()} <= set(pins())


@pytest.mark.advisory(*TROJANED)
def test_the_light_client_stays_light() -> None:
    """Each package is somebody else who may be broken into."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(project["dependencies"]) <= 3
    assert len(project["optional-dependencies"]["server"]) <= 24


@pytest.mark.advisory(*TROJANED)
def test_nothing_runs_unasked_when_a_python_starts() -> None:
    """A trojan of March 2026 was a `.pth` file: it ran in every Python, imported or not."""
    found = {path.name for path in SITE.glob("*.pth")}
    assert found <= set(PTH)
    ours = SITE / "_editable_impl_rushes.pth"
    if ours.exists():
        assert own_pth(ours.read_text(encoding="utf-8"))
    shim = SITE / "distutils-precedence.pth"
    if shim.exists():
        assert shim.read_text(encoding="utf-8").strip() == (
            "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; "
            "enabled = os.environ.get(var, 'local') == 'local'; "
            "enabled and __import__('_distutils_hack').add_shim();"
        )
    for name in ("sitecustomize", "usercustomize"):
        assert not list(SITE.glob(f"{name}*")), name


@pytest.mark.advisory(*TROJANED)
def test_no_package_brings_a_file_that_runs_at_every_start() -> None:
    """By what each distribution says it installed, wherever that lies."""
    for name, found in installed().items():
        for file in found.files or ():
            if file.suffix == ".pth" and name not in BUILT_IN:
                pytest.fail(f"{name} brings {file}")
            assert file.stem not in {"sitecustomize", "usercustomize"}, name


@pytest.mark.advisory(*TROJANED)
def test_the_gateways_that_were_attacked_are_no_dependency_of_ours() -> None:
    assert not {"litellm", "langchain", "yaml"} & set(pins())


@pytest.mark.advisory(*TROJANED)
def test_a_line_that_runs_would_be_seen() -> None:
    assert own_pth("/home/ann/src\n# import os\n")
    assert not own_pth("/home/ann/src\nimport os; os.system('x')\n")
