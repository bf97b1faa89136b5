"""`rushes verify-provider`: one small film by the operator's own key, and a page about it.

It goes straight through the configured provider, without a server: submit once, look, open,
decode. What got no answer is looked for, and never sent again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import typer

from rushes.cli.asking import Asker, asker
from rushes.cli.attempt import Attempt
from rushes.cli.paper import answers, say, show_json, talk
from rushes.cli.plainly import FAILED
from rushes.cli.transcript import Transcript, page_of
from rushes.cli.trial import Terms, Trial, allow, hidden, trial_of
from rushes.configured import upstream_of
from rushes.settings import load
from rushes.testing.live import DELIVERED, REMOTE

INTERRUPTED: Final = 130


def verify(
    name: str,
    model: str | None,
    terms: Terms,
    *,
    output: Path | None,
    film: Path | None,
    person: Asker | None = None,
    as_json: bool = False,
) -> None:
    """Try a provider with one film, and write a page about it.

    Raises:
        SettingsRefused, Unready: what is wrong with the settings.
        Refused: it is not begun: no such provider, no proof of the price, or not wanted.
        typer.Exit: 1 if there is no film in the end, 130 at Ctrl-C.
    """
    settings = load()
    trial = trial_of(settings, name, model)
    if person is None and not (terms.is_hurried or as_json):
        person = asker()
    is_price_shown = allow(trial, terms, person)
    upstream = upstream_of(trial.provider, submit_call_s=settings.times.submit_call_s)
    attempt = Attempt(trial, upstream.provider, settings, terms, is_price_shown=is_price_shown)
    try:
        transcript = asyncio.run(attempt.run(film))
    except KeyboardInterrupt:
        attempt.tell_ticket()
        raise typer.Exit(INTERRUPTED) from None
    path = output or Path(transcript.name)
    path.write_text(page_of(transcript, hide=hidden(trial.provider)), encoding="utf-8")
    _tell(trial, transcript, path, film, as_json=as_json)
    say(talk(), f"{path} tells it, without key, host or ticket: read it before you show it.")
    if transcript.outcome != DELIVERED:
        attempt.tell_ticket()
        raise typer.Exit(FAILED)
    if transcript.where == REMOTE:
        say(talk(), "In docs/live/ it makes docs/providers.md call this live, after `make docs`.")


def _tell(
    trial: Trial, transcript: Transcript, page: Path, film: Path | None, *, as_json: bool
) -> None:
    footage = transcript.film
    if not as_json:
        say(answers(), f"{trial.provider.name}: {transcript.outcome}")
        if footage is not None:
            say(answers(), str(footage))
        return
    show_json(
        {
            "provider": trial.provider.name,
            "model": trial.listing.id,
            "is_delivered": transcript.outcome == DELIVERED,
            "outcome": transcript.outcome,
            "cost_max_microusd": transcript.cost_max_microusd,
            "page": page.resolve(),
            "film": None if footage is None or film is None else film.resolve(),
            "measures": None if footage is None else str(footage),
        }
    )
