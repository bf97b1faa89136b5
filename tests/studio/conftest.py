"""Small orders, and a child to render them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.studio.order import Job, Line, Order, label_of, read_line, write_line

SIZE = Size(160, 90)
CHILD_S = 60


def an_order(
    prompt: str = "a boat on the sea",
    *,
    size: Size = SIZE,
    seconds: int = 1,
    seed: int = 7,
    model: str = "sandbox",
    mode: Mode = Mode.TEXT_TO_VIDEO,
    files: Mapping[Role, Path] | None = None,
    token: str = "",
    **spec: Any,
) -> Order:
    files = files or {}
    assets = tuple(Asset(role, f"the_{role}", blob=f"blob-{role}") for role in files)
    wish = Spec(model, mode, prompt, seconds, size, seed, assets=assets, **spec)
    paths = {f"blob-{role}": str(path) for role, path in files.items()}
    return Order(wish, label_of(model), token, paths)


@pytest.fixture
def order() -> Callable[..., Order]:
    return an_order


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Path]:
    """Render an order in a child of its own; return where the film is."""

    def run(order: Order, name: str = "film") -> Path:
        path = tmp_path / f"{name}.mp4"
        lines = said(order, path)
        assert lines[-1].done is not None, lines
        return path

    return run


def said(order: Order, path: Path) -> list[Line]:
    """Run a child, and return what it said."""
    run = subprocess.run(
        [sys.executable, "-m", "rushes.studio"],
        input=write_line(Job(order, str(path))),
        capture_output=True,
        timeout=CHILD_S,
        check=False,
    )
    lines = [read_line(line) for line in run.stdout.splitlines()]
    assert lines, run.stderr.decode()
    return [line for line in lines if line is not None]


@pytest.fixture
def child() -> Callable[[Order, Path], list[Line]]:
    return said


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Paint a picture of one colour with a square of another, and save it."""

    def paint(name: str, ground: tuple[int, int, int], square: tuple[int, int, int]) -> Path:
        pixels = np.empty((180, 320, 3), np.uint8)
        pixels[:] = ground
        pixels[60:120, 120:200] = square
        path = tmp_path / f"{name}.png"
        Image.fromarray(pixels).save(path)
        return path

    return paint
