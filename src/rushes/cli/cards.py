"""`rushes models update`: cards are data, and an operator may know more than we did."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from rushes.cli.paper import Column, answers, say, show_json, table, talk
from rushes.cli.plainly import Refused
from rushes.configured import CARDS, catalog_of
from rushes.domain.catalog import ModelCard
from rushes.domain.reading import CardRefused, parse_cards, shipped_cards
from rushes.folder import folder_holder
from rushes.settings import load

FILE_BYTES_MAX: Final = 2**20
_STEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def update(path: Path, *, as_json: bool) -> None:
    """Check a file of cards, and take it into the data folder whole, or refuse it whole.

    A file that was taken before under the same name is replaced.

    Raises:
        Refused: with every complaint; nothing was changed.
        SettingsRefused, Unready: the settings are wrong, or would be with these cards.
    """
    if not _STEM.fullmatch(path.stem) or path.suffix != ".toml":
        raise Refused(f"{path.name!r} is no name for cards: letters, digits, - and _, then .toml")
    text = _text(path)
    cards = _cards(path.name, text)
    settings = load()
    folder = settings.data_dir / CARDS
    others = _others(folder, path.name)
    doubles = [
        f"{path.name}: card {card.id} is in {folder / others[card.id]} already; take it out of one"
        for card in cards
        if card.id in others
    ]
    if doubles:
        raise Refused("\n".join(doubles))
    kept = [card for file in sorted(set(others.values())) for card in _taken(folder / file)]
    catalog_of(settings, own=[*kept, *cards])
    before = {card.id: "replaces the shipped one" for card in shipped_cards()}
    with contextlib.suppress(Refused):  # what went wrong there may be replaced
        before |= {card.id: "replaces yours" for card in _taken(folder / path.name)}
    place = _take(folder, path.name, text)
    told = [(card.id, before.get(card.id, "new")) for card in cards]
    _tell(told, place, folder_holder(settings.data_dir), as_json=as_json)


def _text(path: Path) -> str:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise Refused(f"{path} has more than {FILE_BYTES_MAX} bytes; that is no file of cards")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{path} is no UTF-8 text") from None


def _cards(name: str, text: str) -> list[ModelCard]:
    try:
        _, _, cards = parse_cards(text, name=name)
    except CardRefused as error:
        raise Refused(str(error)) from None
    if not cards:
        raise Refused(f"{name}: there is no [[cards]] in it; src/rushes/cards shows how they look")
    return cards


def _others(folder: Path, name: str) -> dict[str, str]:
    """Return in which other file each card of the folder is."""
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    return {card.id: file.name for file in files if file.name != name for card in _taken(file)}


def _taken(file: Path) -> Iterable[ModelCard]:
    return _cards(str(file), _text(file)) if file.exists() else []


def _take(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=folder, prefix=".new-", delete=False
    ) as file:
        file.write(text)
    return Path(file.name).replace(folder / name)


def _tell(told: list[tuple[str, str]], place: Path, holder: str | None, *, as_json: bool) -> None:
    if as_json:
        show_json({"file": place, "cards": dict(told), "server": holder})
        return
    table(answers(), [Column("CARD"), Column("")], [list(row) for row in told])
    say(talk(), f"Taken into {place}.")
    if holder is not None:
        say(talk(), f"The running server reads it when it is told to: kill -HUP {holder}")
    say(talk(), 'A model is offered under it once [[models]] names it: card = "' + told[0][0] + '"')
