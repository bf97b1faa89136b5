"""The audit log: who did what, when, from where, and to what; written with what was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rushes.deeds.showing import shown_text
from rushes.domain.access import Key
from rushes.domain.ids import new_deed_id
from rushes.ports import Deed, Transaction

NOTE_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts. `name` is how the log calls him; `origin` is the address that he asks from.

    `key` is what he came with, None at the command line: whoever types there has the machine, and
    is not kept from anything.
    """

    name: str
    origin: str | None = None
    key: Key | None = None


def write_down(
    tx: Transaction, operator: Operator, verb: str, object_id: str, note: str, *, at: datetime
) -> None:
    """Append a line to the audit log, in the transaction of what is told; no secret gets in.

    Raises:
        SchemaBehind: the database needs `rushes migrate` first.
    """
    told = shown_text(note)[:NOTE_CHARACTERS_MAX]
    deed = Deed(new_deed_id(at), at, operator.name, verb, object_id, told, operator.origin)
    tx.add_audit(deed)


def deed_json(deed: Deed) -> dict[str, object]:
    """Return one line of the log."""
    return {
        "id": deed.id,
        "at": deed.at,
        "actor": deed.actor,
        "origin": deed.origin,
        "verb": deed.verb,
        "object": deed.object,
        "note": shown_text(deed.note),
    }
