"""The verbs that show how tasks of all accounts fare."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer

from rushes.cli.operators import Asks, Since

LIMIT_MAX: Final = 1000


class Per(StrEnum):
    """What tasks are added up by."""

    DAY = "day"
    MODEL = "model"
    DAY_AND_MODEL = "day_and_model"


def faults(
    *,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only with this provider.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=LIMIT_MAX, help="How many at most.")
    ] = 20,
    as_json: Asks = False,
) -> None:
    """List what went wrong last with tasks and their submits, whoever's, the newest first."""
    from rushes.cli.overview import show_faults

    show_faults(provider, limit, as_json=as_json)


def insights(
    *,
    by: Annotated[Per, typer.Option("--by", help="What tasks are added up by.")] = Per.MODEL,
    since: Since = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only until then; UTC. [default: now]")
    ] = None,
    as_json: Asks = False,
) -> None:
    """Tell how tasks fared, and how long films took; without dates, of the last thirty days."""
    from rushes.cli.overview import show_insights

    show_insights(by.value, since, until, as_json=as_json)
