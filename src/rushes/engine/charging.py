"""What a film that is stored is charged, and what is told where its price came out above the hold.

A hold is the most that a film could cost by what was known when it was asked for. Where the
provider's numbers come to more, the rest is the operator's: never above the hold. It is told, so
that a rule or a bound can be mended.
"""

from __future__ import annotations

from dataclasses import dataclass

from rushes.domain.prices import Charge, charge_of
from rushes.domain.submit import Submit
from rushes.domain.task import Measures, Task
from rushes.observe import log
from rushes.ports import Transaction


@dataclass(slots=True)
class Charged:
    """What this process charged for films; `over` is what came out above their holds."""

    films: int = 0
    microusd: int = 0
    over_films: int = 0
    over_microusd: int = 0

    def note(self, task: Task, charge: Charge) -> None:
        """Count a film that was charged, and tell a price that drifted."""
        self.films += charge.microusd > 0
        self.microusd += charge.microusd
        if not charge.over_microusd:
            return
        self.over_films += 1
        self.over_microusd += charge.over_microusd
        log.warning(
            "a film came to more than was held for it",
            task_id=task.id,
            model=task.model,
            hold_microusd=task.hold_microusd,
            over_microusd=charge.over_microusd,
        )

    def told(self) -> dict[str, float]:
        """Return the numbers by name."""
        return {
            "films": self.films,
            "microusd": self.microusd,
            "over_films": self.over_films,
            "over_microusd": self.over_microusd,
        }


def charge_for(tx: Transaction, task: Task, submit: Submit, measures: Measures) -> Charge:
    """Return what a stored film is charged; one that was held for without prices, its hold."""
    if not task.hold_microusd:
        return Charge(0)
    tariff = tx.tariff(task.id)
    if not tariff:
        return Charge(task.hold_microusd)
    usage, held = submit.usage, task.hold_microusd
    return charge_of(tariff, task.spec, measures, usage, hold_microusd=held)
