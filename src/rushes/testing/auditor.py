"""The auditor: reads the books after a history, and during it, and finds every broken promise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rushes.domain.access import EntryKind
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Status, Task
from rushes.ports import ArtifactKind, ArtifactState, Budgets
from rushes.testing.memory_store import MemoryStore
from rushes.testing.world import FILM, Job, SimBlobs, SimUpstream

WIRE: Final = {
    Status.QUEUED: 0,
    Status.SUBMITTING: 0,
    Status.IN_DOUBT: 0,
    Status.RUNNING: 1,
    Status.STORING: 1,
    Status.SUCCEEDED: 2,
    Status.FAILED: 2,
    Status.CANCELED: 2,
    Status.EXPIRED: 2,
}


class BrokenPromise(AssertionError):
    """A promise of docs/ARCHITECTURE.md did not hold; the sentence begins with its number."""


class Auditor:
    """Watches one history.

    `accepted` maps task ids to prompts, as callers know them; `deleted` holds the tasks that
    callers removed, as they stood then.
    """

    def __init__(
        self, store: MemoryStore, blobs: SimBlobs, upstreams: Iterable[SimUpstream]
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._upstreams = list(upstreams)
        self._seen: dict[str, Task] = {}
        self.accepted: dict[str, str] = {}
        self.deleted: dict[str, Task] = {}

    # -- at every commit ---------------------------------------------------------------

    def watch(self, changed: Iterable[str]) -> None:
        """Judge what a commit did to the tasks it changed."""
        for task_id in changed:
            task = self._store.tables.tasks.get(task_id)
            if task is None:
                continue
            self._judge_change(self._seen.get(task_id), task)
            if task.status is Status.SUCCEEDED:
                self._judge_bytes(task)
            self._seen[task_id] = task

    def _judge_change(self, before: Task | None, after: Task) -> None:
        if before is None:
            return
        if before.status.is_final and before != after:
            raise BrokenPromise(f"P6: {after.id} was {before.status} and is {after.status}")
        if WIRE[after.status] < WIRE[before.status]:
            raise BrokenPromise(f"P6: {after.id} went back from {before.status} to {after.status}")
        if after.progress < before.progress:
            raise BrokenPromise(f"P6: {after.id} fell from {before.progress} to {after.progress}")

    def _judge_bytes(self, task: Task) -> None:
        """P4: at the very commit that says `succeeded`, film and stills are stored."""
        kept = {
            artifact.kind: artifact
            for artifact in self._store.tables.artifacts.values()
            if artifact.task_id == task.id and artifact.state is ArtifactState.KEPT
        }
        if set(kept) != set(ArtifactKind):
            raise BrokenPromise(f"P4: {task.id} succeeded with {sorted(kept)} only")
        if self._blobs.held.get(kept[ArtifactKind.FILM].blob) != FILM:
            raise BrokenPromise(f"P4: {task.id} succeeded without its film")
        for artifact in kept.values():
            if artifact.blob not in self._blobs.held:
                raise BrokenPromise(f"P4: {task.id} succeeded without its {artifact.kind}")

    # -- at any time --------------------------------------------------------------------

    def judge_durability(self) -> None:
        """P1: whoever was told 200 still has a task, until he deletes it."""
        for task_id in self.accepted:
            if task_id not in self._store.tables.tasks and task_id not in self.deleted:
                raise BrokenPromise(f"P1: {task_id} was accepted and is gone")

    def judge_payments(self) -> None:
        """P2: one task, at most one creation that may be billed."""
        for upstream in self._upstreams:
            if not upstream.is_billable:
                continue
            for prompt in self.accepted.values():
                jobs = upstream.jobs_for(prompt)
                if len(jobs) > 1:
                    raise BrokenPromise(f"P2: {prompt!r} was created {len(jobs)} times")
        for prompt in self.accepted.values():
            paid = [job for job in self._jobs(prompt) if job.is_billable]
            if len(paid) > 1:
                raise BrokenPromise(f"P2: {prompt!r} was paid at {len(paid)} providers")

    def _jobs(self, prompt: str) -> list[Job]:
        return [job for upstream in self._upstreams for job in upstream.jobs_for(prompt)]

    # -- at the end ---------------------------------------------------------------------

    def close_books(self, at: datetime, budgets: Budgets) -> None:
        """Judge everything that must hold once nothing is left to happen."""
        self.judge_durability()
        self.judge_payments()
        longest = budgets.queue + budgets.submit_call + budgets.submit_margin + budgets.doubt
        longest += budgets.render * 3 + budgets.collect * 3
        for task_id, prompt in self.accepted.items():
            task = self.deleted.get(task_id) or self._store.tables.tasks[task_id]
            if not task.is_final or task.finished_at is None:
                raise BrokenPromise(f"P3: {task_id} is still {task.status} at {at}")
            if task.finished_at - task.created_at > longest:
                raise BrokenPromise(f"P3: {task_id} took {task.finished_at - task.created_at}")
            self._judge_money(task)
            self._judge_news(task)
            self._judge_memory(task, prompt)

    def judge_leftovers(self) -> None:
        """P4: after a last sweep, the blobs that are left are those that tasks kept."""
        kept = {
            artifact.blob
            for artifact in self._store.tables.artifacts.values()
            if artifact.state is ArtifactState.KEPT
        }
        if leftovers := set(self._blobs.held) - kept:
            raise BrokenPromise(f"P4: nobody will ever remove {sorted(leftovers)}")

    def _judge_news(self, task: Task) -> None:
        """P6: the outbox tells each end once, and as it was."""
        told = self._store.tables.news.get(task.id)
        if told != (task.status, task.finished_at):
            raise BrokenPromise(f"P6: {task.id} ended {task.status}, and the outbox says {told}")

    def _judge_money(self, task: Task) -> None:
        """P5: hold = capture + release, each exactly once; a failure costs nothing."""
        entries = self._store.read_now(lambda tx: tx.entries(task.id))
        sums = {entry.kind: entry.amount_microusd for entry in entries}
        if len(entries) != len(EntryKind) or set(sums) != set(EntryKind):
            raise BrokenPromise(f"P5: {task.id} has entries {entries}")
        if sums[EntryKind.HOLD] != sums[EntryKind.CAPTURE] + sums[EntryKind.RELEASE]:
            raise BrokenPromise(f"P5: {task.id} does not balance: {sums}")
        charged = sums[EntryKind.CAPTURE]
        if charged != task.charged_microusd:
            raise BrokenPromise(f"P5: {task.id} shows {task.charged_microusd}, captured {charged}")
        if task.status is Status.SUCCEEDED and charged != task.hold_microusd:
            raise BrokenPromise(f"P5: {task.id} succeeded and captured {charged}")
        if task.status in {Status.FAILED, Status.EXPIRED} and charged:
            raise BrokenPromise(f"P5: {task.id} failed and was charged {charged}")

    def _judge_memory(self, task: Task, prompt: str) -> None:
        """P11: whatever may have been paid without a film for the caller is on record."""
        if task.status is Status.SUCCEEDED:
            return
        submits = self._store.read_now(lambda tx: tx.submits(task.id))
        reported = {
            (submit.task_id, submit.n): submit
            for submit in self._store.read_now(lambda tx: tx.salvage(1000))
        }
        for job in self._jobs(prompt):
            if not job.is_billable or job.is_canceled or job.script.fate == "lost":
                continue
            mine = [submit for submit in submits if submit.token == job.token]
            if not mine:
                raise BrokenPromise(f"P11: {job.id} for {prompt!r} has no row at all")
            submit = mine[0]
            if submit.verdict is Verdict.ADOPTED:
                self._judge_adoption(submit)
                continue
            if (submit.task_id, submit.n) not in reported:
                raise BrokenPromise(f"P11: {job.id} for {prompt!r} is {submit.verdict}: forgotten")
            is_nameless = task.id in self.deleted and submit.verdict is Verdict.DOUBT
            can_be_found = job.script.find in {"exact", "lagging"} and not is_nameless
            is_made = job.script.fate in {"ready", "stray 404", "strange words", "cut off"}
            if can_be_found and is_made and submit.verdict is not Verdict.LATE:
                raise BrokenPromise(f"P11: {job.id} for {prompt!r} is {submit.verdict}, not late")

    def _judge_adoption(self, submit: Submit) -> None:
        """P11: a film that was adopted is the film of exactly one task, judged by itself."""
        heirs = [
            one
            for one in self._store.read_now(lambda tx: tx.adoptions_from(submit.task_id))
            if one.submit_n == submit.n
        ]
        if len(heirs) != 1 or heirs[0].task_id not in self.accepted:
            raise BrokenPromise(f"P11: submit {submit.n} of {submit.task_id} has heirs {heirs}")
        (its, *more) = self._store.read_now(lambda tx: tx.submits(heirs[0].task_id))
        if its.token != submit.token or more:
            raise BrokenPromise(f"P2: {heirs[0].task_id} was adopted, and has submits of its own")
