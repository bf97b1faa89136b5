"""One server, one nasty upstream, and kill -9: the acts of `rushes demo --chaos`.

The upstream holds back its answer to some creates, so that a kill between "begun there" and
"known here" is no matter of luck: before the server is killed, the upstream's log shows the
create as begun, and our own row of the submit has no answer. The other kills come while the
server starts, recovers and works. All that is drawn is drawn from one seed.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.testing.audit import Books, read_log
from rushes.testing.crowd import Crowd
from rushes.testing.fleet import Fleet, Member, pause_s

MODEL: Final = "sora-2"
WISHES_MIN: Final = 6
WISHES_MAX: Final = 48
HELD: Final = 2
"""Wishes whose answer is held back; each costs the server its life once."""

HOLD_S: Final = 50.0
"""Shorter than a submit may take, so that it is the kill that ends the waiting."""

RENDER_S: Final = 3.0
MOMENT_S: Final = 60.0
ALL_S: Final = 180.0
LOOK_S: Final = 0.02

SUBJECTS: Final = (
    "a paper boat at dusk",
    "a heron over a canal",
    "a kite above the harbor",
    "a fox in fresh snow",
    "rain on a tin roof",
    "a tram in the fog",
    "lanterns on a river",
    "a lighthouse in a storm",
    "a train through wheat",
    "a whale below the ice",
    "a market at sunrise",
    "a moth around a lamp",
)

CONFIG: Final = """\
[[providers]]
name = "nasty"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:NASTY_KEY"
in_flight_max = 16

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "nasty"
model = "sora-2"
billable = true
"""
BRIEF_DOUBT: Final = """
[times]
doubt_s = 6
"""
"""Where nothing can be found there is no use in looking for three minutes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who wishes for what, and what the upstream does to whom; by prompt.

    An upstream that is not searchable has no list: what got no answer cannot be found there.
    """

    seed: int
    wishes: tuple[str, ...]
    held: tuple[str, ...]
    cut: frozenset[str]
    failing: frozenset[str]
    busy: frozenset[str]
    is_searchable: bool = True

    @property
    def halves(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The wishes of the first kill, and those of the second."""
        middle = len(self.wishes) // 2
        return self.wishes[:middle], self.wishes[middle:]

    def script(self) -> str:
        """Return it as the upstream's script."""
        hold = [_rule("slow", prompt, accepted=True, value=HOLD_S) for prompt in self.held]
        cut = [_rule("drop", prompt, accepted=True) for prompt in sorted(self.cut)]
        failing = [_rule("server_error", prompt, accepted=True) for prompt in sorted(self.failing)]
        busy = [_rule("rate_limited", prompt, times=1) for prompt in sorted(self.busy)]
        looks = [{"on": "retrieve", "fault": "unavailable", "chance": 0.08}]
        lists = [] if self.is_searchable else [{"on": "list", "fault": "not_found"}]
        rules = [*hold, *cut, *failing, *busy, *looks, *lists]
        return json.dumps({"seed": self.seed, "rules": rules})

    def config(self, port: int) -> str:
        """Return our configuration, for an upstream at this port."""
        return CONFIG.format(port=port) + ("" if self.is_searchable else BRIEF_DOUBT)


def _rule(fault: str, prompt: str, **more: object) -> dict[str, object]:
    return {"on": "create", "fault": fault, "prompt": prompt, **more}


def plan(seed: int, count: int, *, is_searchable: bool = True) -> Plan:
    """Draw who suffers what.

    Raises:
        ValueError: too few wishes to show anything, or too many to look at.
    """
    if not WISHES_MIN <= count <= WISHES_MAX:
        raise ValueError(f"between {WISHES_MIN} and {WISHES_MAX} wishes, not {count}")
    draw = random.Random(seed)
    wishes = tuple(f"{n}. {SUBJECTS[(n - 1) % len(SUBJECTS)]}" for n in range(1, count + 1))
    first, second = wishes[: count // 2], wishes[count // 2 :]
    held = (draw.choice(first), draw.choice(second))
    rest = [wish for wish in wishes if wish not in held]
    draw.shuffle(rest)
    share = max(1, count // 6) if is_searchable else 1
    cut, failing, busy = (frozenset(rest[n * share : (n + 1) * share]) for n in range(3))
    failing = failing if is_searchable else frozenset()
    return Plan(seed, wishes, held, cut, failing, busy, is_searchable)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happened. `kills` says whether a server died of it, `is_mid_submit` when."""

    sentence: str
    kills: bool = False
    is_mid_submit: bool = False


class Unproven(RuntimeError):
    """A moment that had to come did not: there is nothing to be told of it."""


@dataclass(slots=True)
class Showdown:
    """The play; `acts` plays it, and leaves everybody alive for the audit."""

    plan: Plan
    fleet: Fleet
    read: Callable[[], Books]
    log: Path
    kills: list[Act] = field(default_factory=list)
    crowd: Crowd | None = None
    _draw: random.Random = field(init=False)
    _server: Member | None = None
    _port: int = 0

    def __post_init__(self) -> None:
        self._draw = random.Random(f"moments of {self.plan.seed}")

    def acts(self) -> Iterator[Act]:
        """Play it, act by act.

        Raises:
            NotUp: a process did not start.
            Unproven: a moment did not come.
        """
        yield self._open_upstream()
        yield self._open_server()
        (first, second), (early, late) = self.plan.halves, self.plan.held
        self.crowded.wish(*first)
        yield self._hear_all(f"{len(first)} wishes accepted")
        yield self._kill_mid_submit(early)
        yield self._kill_while_starting()
        yield self._start_again()
        yield self._kill_at_random()
        self.crowded.wish(*second)
        yield Act(f"{len(second)} more wishes find nobody there; their callers ask again")
        yield self._start_again()
        yield self._hear_all(f"all {len(self.plan.wishes)} wishes accepted")
        yield self._kill_mid_submit(late)
        for _ in range(2):
            yield self._start_again()
            yield self._kill_at_random()
        yield self._start_again()
        yield self._finish()

    def close(self) -> None:
        """Send the callers home, and end what was started."""
        if self.crowd is not None:
            self.crowd.close()
        self.fleet.close()

    @property
    def crowded(self) -> Crowd:
        """The callers, once there is a server to call."""
        if self.crowd is None:
            raise Unproven("there is no server yet")
        return self.crowd

    @property
    def server(self) -> Member:
        """The server that lives now."""
        if self._server is None:
            raise Unproven("there is no server yet")
        return self._server

    # -- acts ----------------------------------------------------------------------------

    def _open_upstream(self) -> Act:
        words = ["--render-s", str(RENDER_S), "--queue-s", "0.1", "--sign-films"]
        words += ["--poll-after-ms", "500", "--script", self.plan.script()]
        upstream = self.fleet.start_upstream("openai_videos", words, log=self.log)
        # Bytes are shown beside the upstream's own: films stay as they came.
        self.fleet.environment["RUSHES_PROVENANCE_C2PA"] = "false"
        self.fleet.environment["NASTY_KEY"] = "sk-whatever"  # it opens to any
        config = self.plan.config(upstream.said["port"])
        (self.fleet.folder / "rushes.toml").write_text(config, encoding="utf-8")
        return Act(f"a nasty upstream, process {upstream.pid}")

    def _open_server(self) -> Act:
        server = self._server = self.fleet.start().ready()
        self._port = int(server.url.rpartition(":")[2])
        self.crowd = Crowd(lambda: [server.url], server.said["key"]["secret"], model=MODEL)
        return Act(f"a server of its own at {server.url}, process {server.pid}")

    def _hear_all(self, sentence: str) -> Act:
        self._wait(lambda: self.crowded.is_answered, "not every wish was accepted")
        return Act(sentence)

    def _kill_mid_submit(self, held: str) -> Act:
        """Kill in the gap: the upstream has begun the wish, and we cannot know.

        No other submit waits for its answer then, so that this one is what the kill is about.
        """
        self._wait(lambda: self._is_in_the_gap(held), f"{held!r} was not begun upstream")
        pid = self.server.pid
        self.server.kill()
        if not self._is_in_the_gap(held):
            raise Unproven(f"the answer for {held!r} came before the kill")
        return self._killed(
            f"kill -9 {pid} mid-submit: “{held}” is begun there, not known here",
            is_mid_submit=True,
        )

    def _kill_while_starting(self) -> Act:
        usual_s = self.server.up_s or 1.0
        server = self._server = self._start()
        pause_s(self._draw.uniform(0.3, 0.9) * usual_s)
        after_s = time.monotonic() - server.began_s
        pid = server.pid
        server.kill()
        return self._killed(f"kill -9 {pid} {after_s:.1f} s into its start")

    def _kill_at_random(self) -> Act:
        server = self.server
        pause_s(self._draw.uniform(0.1, 1.8))
        pid = server.pid
        server.kill()
        standing = list(self.read().open.values())
        told = ", ".join(
            f"{standing.count(status)} {status.replace('_', ' ')}"
            for status in Status
            if status in standing
        )
        return self._killed(f"kill -9 {pid} at work: {told or 'nothing open'}")

    def _start_again(self) -> Act:
        self._server = self._start().ready()
        return Act(f"up again as process {self.server.pid}")

    def _finish(self) -> Act:
        crowd = self.crowded
        self._wait(
            lambda: crowd.is_answered and not self.read().open,
            "not every wish ended",
            within_s=ALL_S,
        )
        accepted = crowd.witness.accepted
        self._wait(lambda: len(crowd.ended()) == len(accepted), "not every caller saw the end")
        succeeded = [task_id for task_id, status in crowd.ended().items() if status == "completed"]
        for task_id in succeeded:
            crowd.download(task_id, self.server.url)
        return Act(f"every wish has ended, {len(succeeded)} films are downloaded")

    # -- how -----------------------------------------------------------------------------

    def _start(self) -> Member:
        return self.fleet.start(port=self._port)

    def _killed(self, sentence: str, *, is_mid_submit: bool = False) -> Act:
        act = Act(sentence, kills=True, is_mid_submit=is_mid_submit)
        self.kills.append(act)
        return act

    def _is_in_the_gap(self, held: str) -> bool:
        if not any(line.prompt == held and line.is_accepted for line in read_log(self.log)):
            return False
        asking = {
            prompt
            for prompt, kept in self.read().by_prompt.items()
            if any(submit.verdict is Verdict.INTENT for submit in kept.submits)
        }
        return asking == {held}

    def _wait(self, is_so: Callable[[], bool], why: str, *, within_s: float = MOMENT_S) -> None:
        until = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > until:
                raise Unproven(f"{why} within {within_s:g} s")
            if self.crowd is not None and self.crowd.refused:
                raise Unproven(self.crowd.refused[0])
            if self._server is not None and not self._server.is_alive:
                raise Unproven("\n".join(["the server ended by itself", *self._server.tail()]))
            pause_s(LOOK_S)
