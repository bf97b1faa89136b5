"""What a seal says: the manifest that goes into a film, and what is read from one.

Sources: C2PA 2.1 §18.14 (actions), c2pa-python's manifest definition; IPTC NewsCodes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from rushes import __version__
from rushes.domain.provenance import PROMPT_DIGEST_OF, Origin, prompt_digest

FORMAT: Final = "video/mp4"
GENERATION: Final = "org.rushes.generation"
"""The label of our own assertion: what a film was made of, by whom, for which task."""

ORIGINAL: Final = "original_sha256"
"""What of our own assertion names the bytes as they came."""

ACTIONS: Final = ("c2pa.actions.v2", "c2pa.actions")
SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PARENT: Final = "upstream"


class Told(StrEnum):
    """What an operator may leave out of a film."""

    MODEL = "model"
    PROVIDER = "provider"
    PROMPT = "prompt"


def manifest_of(
    origin: Origin, told: frozenset[Told], *, has_parent: bool = False
) -> dict[str, Any]:
    """Return the manifest of a film; `has_parent`: it came with a seal of its upstream's.

    A film is created where it was made. One that came sealed was created there, and says so
    itself: then ours says that it was opened, and what it is.
    """
    action: dict[str, Any] = {
        "action": "c2pa.opened" if has_parent else "c2pa.created",
        "when": origin.at.isoformat(timespec="seconds"),
        "digitalSourceType": SOURCE_TYPES + origin.source_type,
    }
    if Told.MODEL in told:
        action["softwareAgent"] = {"name": origin.model}
    if has_parent:
        action["parameters"] = {"ingredientIds": [PARENT]}
    return {
        "claim_generator_info": [{"name": "Rushes", "version": __version__}],
        "title": f"{origin.task_id}.mp4",
        "format": FORMAT,
        "assertions": [
            {"label": ACTIONS[0], "data": {"actions": [action]}},
            {"label": GENERATION, "data": _generation(origin, told)},
        ],
    }


def _generation(origin: Origin, told: frozenset[Told]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "task_id": origin.task_id,
        "collected_at": origin.at.isoformat(timespec="seconds"),
    }
    if origin.original_sha256:
        said[ORIGINAL] = origin.original_sha256
    if Told.MODEL in told:
        said |= {"model": origin.model, "asked_model": origin.asked_model}
    if Told.PROVIDER in told:
        said["provider"] = origin.provider
    if Told.PROMPT in told and origin.prompt:
        said["prompt_sha256"] = prompt_digest(origin.task_id, origin.prompt)
        said["prompt_sha256_of"] = PROMPT_DIGEST_OF
    return said


def original_of(content: bytes) -> str | None:
    """Return the digest of what a film of ours came as, by its seal; nothing is verified here.

    It is text of 64 bytes in CBOR (RFC 8949 §3.1), in the clear; a manifest that holds is the last
    of those in a film (C2PA 2.1 §11.1.4).
    """
    found = re.findall(ORIGINAL.encode() + rb"x@([0-9a-f]{64})", content)
    return found[-1].decode() if found else None


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a film says of itself, and whether it can be believed; empty where it says nothing.

    `state` is the library's word: `Valid` (as it was signed), `Trusted` (and by somebody whom a
    given certificate vouches for), or `Invalid`; empty where there is no manifest. `problems` are
    C2PA's own codes. `made_with` is what wrote the manifest, `generation` our own assertion.
    `parent` is None where no other manifest lies beneath, else whether that one holds.
    """

    state: str = ""
    problems: tuple[str, ...] = ()
    signed_by: str = ""
    certificate_serial: str = ""
    algorithm: str = ""
    signed_at: str = ""
    made_with: str = ""
    source_type: str = ""
    made_by: str = ""
    generation: Mapping[str, str] | None = None
    parent: bool | None = None


TEXT_MAX: Final = 500
PROBLEMS_MAX: Final = 20
_FINE: Final = "signingCredential.untrusted"
"""Not a problem of the film: nobody was named whom to trust."""


def sealed_of(store: object, state: str) -> Sealed:
    """Read a manifest store as the library tells it; whatever is not as expected is left out."""
    found = _table(store)
    manifest = _table(_table(found.get("manifests")).get(_text(found.get("active_manifest"))))
    if not manifest:
        return Sealed()
    signature = _table(manifest.get("signature_info"))
    assertions = {
        _text(one.get("label")): one.get("data") for one in _tables(manifest.get("assertions"))
    }
    action = _first_action(assertions)
    generation = _table(assertions.get(GENERATION))
    results = _table(_table(found.get("validation_results")).get("activeManifest"))
    return Sealed(
        state=state,
        problems=tuple(
            dict.fromkeys(
                code
                for one in _tables(results.get("failure"))
                if (code := _text(one.get("code"))) and code != _FINE
            )
        )[:PROBLEMS_MAX],
        signed_by=_text(signature.get("issuer")) or _text(signature.get("common_name")),
        certificate_serial=_text(signature.get("cert_serial_number")),
        algorithm=_text(signature.get("alg")),
        signed_at=_text(signature.get("time")),
        made_with=_made_with(manifest),
        source_type=_text(action.get("digitalSourceType")).removeprefix(SOURCE_TYPES),
        made_by=_text(_table(action.get("softwareAgent")).get("name")),
        generation={name: _text(value) for name, value in list(generation.items())[:PROBLEMS_MAX]}
        or None,
        parent=_parent(manifest, _table(found.get("validation_results"))),
    )


def _first_action(assertions: Mapping[str, object]) -> Mapping[str, object]:
    for label in ACTIONS:
        for action in _tables(_table(assertions.get(label)).get("actions")):
            return action
    return {}


def _made_with(manifest: Mapping[str, object]) -> str:
    for one in _tables(manifest.get("claim_generator_info")):
        return f"{_text(one.get('name'))} {_text(one.get('version'))}".strip()
    return _text(manifest.get("claim_generator"))


def _parent(manifest: Mapping[str, object], results: Mapping[str, object]) -> bool | None:
    """Say whether the manifest beneath holds; None if there is none."""
    parents = [
        one for one in _tables(manifest.get("ingredients")) if one.get("relationship") == "parentOf"
    ]
    if not any(one.get("active_manifest") for one in parents):
        return None
    told = [_table(one.get("validation_results")) for one in parents]
    failures = [
        _text(failure.get("code"))
        for one in told
        for failure in _tables(_table(one.get("activeManifest")).get("failure"))
    ]
    deltas = [
        _text(failure.get("code"))
        for delta in _tables(results.get("ingredientDeltas"))
        for failure in _tables(_table(delta.get("validationDeltas")).get("failure"))
    ]
    return all(code == _FINE for code in [*failures, *deltas])


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:TEXT_MAX] if isinstance(value, str) else ""
