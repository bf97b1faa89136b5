"""`rushes verify`: what a film says of where it comes from, and whether that can be believed.

0  its seal holds, and its prompt is the one that was given, if one was
1  its seal does not hold, or its prompt is another one
2  it cannot be read
4  it has no seal
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from rushes.cli.paper import answers, facts, plain, say, show_json
from rushes.cli.plainly import FAILED, Refused
from rushes.domain.provenance import SourceType, prompt_digest
from rushes.media.reader import read_film
from rushes.media.reading import Reading
from rushes.media.sealer import LIBRARY, is_library_here
from rushes.media.signet import PUBLIC_NAME
from rushes.settings import SettingsRefused, load

UNSEALED: Final = 4
ANCHOR_BYTES_MAX: Final = 2**20
TRUSTED: Final = "Trusted"
INVALID: Final = "Invalid"
_BEGINS: Final = "-----BEGIN CERTIFICATE-----"


class Verdict(StrEnum):
    """What became of a film's claim."""

    INTACT = "intact"
    BROKEN = "broken"
    UNSEALED = "unsealed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A film, what it says, and what is to be thought of it.

    `is_prompt_right` is None where no prompt was given, or none is hashed in the film.
    `trust_from` is where the certificates are from that are believed, None without any.
    """

    file: Path
    reading: Reading
    verdict: Verdict
    trust_from: Path | None
    is_prompt_right: bool | None

    @property
    def is_trusted(self) -> bool:
        """Whether somebody whom we believe vouches for the signer."""
        return self.reading.sealed.state == TRUSTED


def verify(file: Path, prompt: str | None, trust: Path | None, *, as_json: bool) -> None:
    """Read a film, and tell what it says of itself.

    Raises:
        ModuleNotFoundError: the server is not installed here.
        Refused: the file cannot be read, has no hashed prompt to compare, or `trust` is no PEM.
        typer.Exit: 1 if the seal does not hold, 4 if there is none.
    """
    if not is_library_here():
        raise ModuleNotFoundError(f"No module named {LIBRARY!r}", name=LIBRARY)
    judged = judge(file, prompt, trust)
    if as_json:
        show_json(_as_json(judged))
    else:
        tell(answers(), judged)
    if judged.verdict is Verdict.UNSEALED:
        raise typer.Exit(UNSEALED)
    if judged.verdict is Verdict.BROKEN or judged.is_prompt_right is False:
        raise typer.Exit(FAILED)


def judge(file: Path, prompt: str | None, trust: Path | None) -> Judged:
    """Read a film, and judge what it says.

    Raises:
        Refused: it cannot be read, has no hashed prompt to compare, or `trust` is no PEM.
    """
    anchors_from = trust if trust is not None else _own_certificate()
    anchors = None if anchors_from is None else _anchors(anchors_from)
    try:
        reading = read_film(file, anchors)
    except OSError as error:
        raise Refused(f"{file}: {error.strerror or error}") from None
    if reading.fault:
        raise Refused(f"{file}: {reading.fault}")
    sealed = reading.sealed
    verdict = Verdict.INTACT
    if not sealed.state:
        verdict = Verdict.UNSEALED
    elif sealed.state == INVALID or sealed.problems:
        verdict = Verdict.BROKEN
    is_prompt_right = None
    if prompt is not None and verdict is not Verdict.UNSEALED:
        is_prompt_right = _is_prompt_of(prompt, sealed.generation or {})
        if is_prompt_right is None:
            raise Refused(f"{file}: its seal has no hash of a prompt that --prompt could be.")
    return Judged(file, reading, verdict, anchors_from, is_prompt_right)


def _is_prompt_of(prompt: str, generation: Mapping[str, str]) -> bool | None:
    digest, task_id = generation.get("prompt_sha256"), generation.get("task_id")
    if not digest or not task_id:
        return None
    return prompt_digest(task_id, prompt) == digest


def _own_certificate() -> Path | None:
    """Return the certificate of the data folder that is configured here, if there is one."""
    try:
        path = load().data_dir / PUBLIC_NAME
    except SettingsRefused:
        return None
    return path if path.is_file() else None


def _anchors(path: Path) -> str:
    """Read certificates.

    Raises:
        Refused: there are none.
    """
    try:
        with path.open("rb") as file:
            text = file.read(ANCHOR_BYTES_MAX).decode("ascii", "replace")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None
    if _BEGINS not in text or not text.isascii():
        raise Refused(f"{path}: holds no certificate in PEM, which begins with {_BEGINS}.")
    return text


# -- telling -----------------------------------------------------------------------------------

_VERDICTS: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.INTACT: ("intact", "green"),
    Verdict.BROKEN: ("BROKEN", "bold red"),
    Verdict.UNSEALED: ("none", "yellow"),
}
_MEANS: Final[Mapping[Verdict, str]] = {
    Verdict.INTACT: ": not a byte of the film has changed since it was sealed",
    Verdict.BROKEN: ": do not believe what it says below",
    Verdict.UNSEALED: ": the film does not say where it comes from; that proves nothing",
}
_PROBLEMS: Final[Mapping[str, str]] = {
    "assertion.bmffHash.mismatch": "the film was changed after it was sealed",
    "assertion.hashedURI.mismatch": "what it says was changed after it was sealed",
    "claimSignature.mismatch": "the signature is not of what it stands under",
    "signingCredential.expired": "the certificate has expired",
    "signingCredential.invalid": "the certificate is not fit to seal films",
}
_SOURCES: Final[Mapping[str, str]] = {
    SourceType.TRAINED: "generated by a trained model",
    SourceType.ALGORITHMIC: "drawn by a program, without a trained model",
}


def tell(console: Console, judged: Judged) -> None:
    """Say what a film says, the verdict first."""
    sealed = judged.reading.sealed
    word, style = _VERDICTS[judged.verdict]
    say(console, plain(judged.file.name))
    lines: list[tuple[str, str | Text]] = [
        ("seal", Text.assemble((word, style), _MEANS[judged.verdict]))
    ]
    lines += [("", _PROBLEMS.get(code, plain(code))) for code in sealed.problems]
    if sealed.state:
        lines += _of_seal(judged)
    if judged.reading.tag is not None:
        lines.append(("AIGC tag", _of_tag(judged.reading.tag)))
    facts(console, lines, indent=2)


def _of_seal(judged: Judged) -> list[tuple[str, str | Text]]:
    sealed, said = judged.reading.sealed, judged.reading.sealed.generation or {}
    lines: list[tuple[str, str]] = [("sealed by", _signer(judged))]
    if sealed.source_type:
        source = _SOURCES.get(sealed.source_type)
        told = plain(sealed.source_type)
        lines.append(("film", told if source is None else f"{source} ({told})"))
    model, asked = said.get("model") or sealed.made_by, said.get("asked_model")
    if model:
        is_other = asked and asked != model
        lines.append(
            ("model", plain(model) + (f", asked for as {plain(asked or '')}" if is_other else ""))
        )
    lines += [
        (name, plain(said[key]))
        for name, key in (
            ("provider", "provider"),
            ("collected", "collected_at"),
            ("task", "task_id"),
        )
        if said.get(key)
    ]
    if said.get("prompt_sha256"):
        lines.append(("prompt", _of_prompt(judged)))
    if sealed.parent is not None:
        how = "holds" if sealed.parent else "does NOT hold"
        lines.append(("beneath", f"it came with another seal, which {how}"))
    if sealed.made_with:
        lines.append(("written by", plain(sealed.made_with)))
    return [*lines]


def _signer(judged: Judged) -> str:
    sealed = judged.reading.sealed
    name = plain(sealed.signed_by) or "nobody by name"
    serial = f", certificate {_short(sealed.certificate_serial)}"
    if judged.is_trusted:
        return f"{name}{serial}, vouched for by {judged.trust_from}"
    return (
        f"{name}{serial}. Nobody vouches for that name, and anyone can make a certificate with "
        "it; --trust FILE says whom you believe"
    )


def _short(serial: str) -> str:
    """Return a certificate's number as it is compared by eye."""
    return f"{int(serial):x}" if serial.isdecimal() else plain(serial)


def _of_prompt(judged: Judged) -> str:
    match judged.is_prompt_right:
        case None:
            return "told as a hash only; --prompt TEXT compares"
        case True:
            return "is the one that was given"
        case False:
            return "is NOT the one that was given"


def _of_tag(tag: str) -> str:
    """Return China's tag by its fields; what is none is shown as it stands."""
    try:
        told = json.loads(tag)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return plain(tag)
    return ", ".join(f"{plain(str(k))} {plain(str(v))}" for k, v in told.items() if v)


def _as_json(judged: Judged) -> dict[str, object]:
    sealed = judged.reading.sealed
    return {
        "file": judged.file,
        "seal": judged.verdict,
        "is_trusted": judged.is_trusted,
        "trust_from": judged.trust_from,
        "problems": list(sealed.problems),
        "signed_by": sealed.signed_by or None,
        "certificate_serial": sealed.certificate_serial or None,
        "algorithm": sealed.algorithm or None,
        "signed_at": sealed.signed_at or None,
        "written_by": sealed.made_with or None,
        "source_type": sealed.source_type or None,
        "generation": dict(sealed.generation) if sealed.generation else None,
        "is_seal_beneath_good": sealed.parent,
        "is_prompt_right": judged.is_prompt_right,
        "aigc": judged.reading.tag,
    }
