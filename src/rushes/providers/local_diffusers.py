"""Open-weight pipelines of the diffusers library, on devices of this machine, from local folders.

There is no wire and no upstream but a child process, so these are facts of our own:
- a submit is an order in the folder `work`, whole or not at all, forced to the disk and named
  after the submit's token. It is accepted once it is there; asked again, it is the same one.
- a child renders it: `_local_diffusers_child`, whose lines are at its head. One child has one
  device; a lock on the device keeps the children of other workers waiting.
- kill -9 of a worker: its children die with it (the kernel's parent-death signal, and the end of
  their standard input), its locks are gone, and the order is still there. The next look at the
  ticket, by whichever worker, finds nobody at it and has it rendered anew, with the same seed.
- two workers on one machine share `work`: a look finds the lock taken, and tells its progress.
  On another machine the order is not there: NotThere, and on a route with `billable = false` the
  story has the film made again.
- a film's end is a file that is written once; a cancel is such an end. The first is right.
- find is exact on this machine: the order is there, or it is not.

Nothing is fetched and no code of a folder is run: `_local_diffusers_weights` says what is refused.
There is no key, no money, and no moderation but the house's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final

from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.spec import Asset, Mode, Spec
from rushes.domain.submit import Ticket
from rushes.providers._local_diffusers_jobs import Jobs, Said, Unsure
from rushes.providers._local_diffusers_orders import FPS_MAX, GUIDANCE_MAX, STEPS_MAX, Terms, told
from rushes.providers._local_diffusers_rigs import Rigs, Setting, Start, own_python, processes
from rushes.providers._local_diffusers_weights import Pipeline, Unusable, pipelines_in
from rushes.providers.base import (
    Absent,
    Assets,
    Busy,
    CancelOutcome,
    Film,
    FilmLost,
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Outcome,
    Quiet,
    Ready,
    Refused,
    Search,
    Setup,
    Stream,
    Unreachable,
    Working,
)
from rushes.providers.options import Options
from rushes.providers.rest import Credential

LOOK_AGAIN_S: Final = 2.0
CHUNK_BYTES: Final = 256 * 1024
WAITING_PER_DEVICE: Final = 1
"""So many jobs may wait behind the one on a device; what is beyond waits in our own queue, where
it uses up no time to render."""

MODES: Final = frozenset({Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO, Mode.FIRST_LAST_FRAME})

WORDS: Final[Mapping[str, Failure]] = {
    "order": Failure.of(Reason.PARAMETERS_REFUSED, "An input could not be read by the provider."),
    "weights": Failure.of(Reason.PROVIDER_UNUSABLE),
    "memory": Failure.of(Reason.PROVIDER_FAILED),
    "broken": Failure.of(Reason.PROVIDER_FAILED),
    "died": Failure.of(Reason.PROVIDER_FAILED),
}
"""What the words of a failure come to; see `_local_diffusers_child`, and `died` is a rig's own."""

DTYPES: Final = ("auto", "bfloat16", "float16", "float32")
OFFLOADS: Final = ("none", "model", "sequential")
SETUP: Final = Setup(
    upstream_models=("Wan2.2-T2V-A14B-Diffusers", "LTX-Video"),
    is_billable=False,
    in_flight_max=1 + WAITING_PER_DEVICE,  # of one device
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator said, read."""

    setting: Setting
    terms: Terms
    devices: tuple[str, ...]
    python: str
    look_again_s: float


def build(
    *,
    name: str,
    base_url: str | None,
    credential: Credential | None,
    profile: str | None,
    options: Mapping[str, object],
) -> LocalDiffusers:
    """Build a provider as an operator configured it; see `registry.build`.

    Options: `folder` has the models, each a folder that a route names; `work` keeps orders and
    films, the same for all workers of a machine. `devices` (["auto"]) are torch's names, one film
    at a time on each; `dtype` ("auto": bfloat16, on a CPU float32); `offload` ("none", "model",
    "sequential") keeps weights in main memory; `python` an interpreter that has diffusers (our
    own); `fps`, `steps` and `guidance` in place of the pipeline's; `idle_s` (600) until weights
    are let go, `stop_s` (20) until a child that does not stop is killed, `look_again_s` (2).

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    if profile is not None:
        raise ValueError(f"local_diffusers has no profiles; got {profile!r}")
    if base_url is not None or credential is not None:
        raise ValueError("local_diffusers renders on this machine: no base_url, and no api_key")
    asked = asked_in(options)
    return LocalDiffusers(name, asked, processes(asked.python))


def job_id_of(token: str) -> str:
    """Name a job after the token of its submit, so that it is found without an answer.

    >>> job_id_of("f" * 32) == job_id_of("f" * 32) != job_id_of("e" * 32)
    True
    """
    return hashlib.sha256(f"rushes local_diffusers {token}".encode()).hexdigest()[:32]


class LocalDiffusers(Quiet):
    """Devices of this machine, with weights from its disk."""

    def __init__(self, name: str, asked: Asked, start: Start, *, jobs: Jobs | None = None) -> None:
        self.name = name
        self._folder = asked.setting.folder
        self._terms = asked.terms
        self._python = asked.python
        self._look_again_s = asked.look_again_s
        self._in_hand_max = len(asked.devices) * (1 + WAITING_PER_DEVICE)
        self._jobs = jobs or Jobs(asked.setting.place)
        self.rigs = Rigs(self._jobs, asked.setting, asked.devices, start)

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,  # noqa: ARG002 -- it calls nobody
    ) -> Ticket:
        """Write an order down, once, and have it rendered."""
        job_id = job_id_of(token)
        pipelines = await self._pipelines(upstream_model)
        order = told(spec, upstream_model, pipelines, self._terms)
        images = {name: await _path_of(asset, assets) for name, asset in order.images.items()}
        if self.rigs.in_hand >= self._in_hand_max:
            raise Busy("not sent: every device has a film, and one that waits")
        doubt: InDoubt | None = None
        try:
            await asyncio.to_thread(self._jobs.accept, job_id, order.order, images)
        except Unsure as error:
            doubt = InDoubt(f"written, but perhaps not to the disk: {error.strerror}")
        except OSError as error:
            raise Busy(f"not sent: the work folder: {error.strerror}") from error
        with suppress(OSError, NotThere):  # it is accepted: whoever looks next begins it, or says
            self._begin(job_id)
        if doubt is not None:
            raise doubt
        return {"job": job_id}

    async def check(self, ticket: Ticket) -> Outcome:
        """Say how a job stands; one that nobody is at is begun again."""
        job_id = _job_in(ticket)
        try:
            return self._stands(job_id)
        except OSError as error:
            raise Unreachable(f"the work folder: {error.strerror}") from error

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """End a job, unless it has ended: at its next step, or with its child."""
        job_id = _job_in(ticket)
        try:
            if self._jobs.order(job_id) is None:
                return CancelOutcome.TOO_LATE
            end = await asyncio.to_thread(self._jobs.settle, job_id, {"canceled": True})
        except OSError as error:
            raise Unreachable(f"the work folder: {error.strerror}") from error
        await self.rigs.stop(job_id)
        return CancelOutcome.CANCELED if "canceled" in end else CancelOutcome.TOO_LATE

    async def find(
        self,
        token: str,
        spec: Spec,  # noqa: ARG002 -- the name of the job says all
        *,
        upstream_model: str,
        since: datetime,  # noqa: ARG002 -- as above
    ) -> Search:
        """Look whether the order is there.

        Where it is not and none could be taken now, that is said: `rushes doctor` asks so.
        """
        job_id = job_id_of(token)
        try:
            if self._jobs.order(job_id) is not None:
                return Found({"job": job_id})
            await self._usable(upstream_model)
        except OSError as error:
            raise Unreachable(f"a folder cannot be read: {error.strerror}") from error
        except Unusable as error:
            raise Unreachable(str(error)) from error
        return Absent()

    @asynccontextmanager
    async def open(self, film: Film) -> AsyncIterator[Stream]:
        """Open a film in the work folder.

        Raises:
            FilmLost: it is not there any more.
        """
        path = self._jobs.film(_job_in(film))
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FilmLost("the film is not in the work folder any more") from error
        except OSError as error:
            raise Unreachable(f"the film: {error.strerror}") from error
        with file:
            length = await asyncio.to_thread(file.seek, 0, 2)
            file.seek(0)
            yield Stream(_chunks(file), length)

    async def close(self) -> None:
        """End every child; orders stay."""
        await self.rigs.close()

    async def _pipelines(self, model: str) -> Mapping[Mode, Pipeline]:
        """Return what a model makes.

        Raises:
            Refused: it cannot be used; only the operator can help.
            Busy: its folder cannot be read now.
        """
        try:
            return await self._usable(model)
        except Unusable as error:
            failure = Failure.of(Reason.PROVIDER_UNUSABLE)
            raise Refused(failure, Blame.PROVIDER, note=f"not sent: {error}") from error
        except OSError as error:
            raise Busy(f"not sent: the folder of models: {error.strerror}") from error

    async def _usable(self, model: str) -> Mapping[Mode, Pipeline]:
        if complaint := _complaint(self._folder, model) or _no_library(self._python):
            raise Unusable(complaint)
        return await asyncio.to_thread(pipelines_in, self._folder / model)

    def _stands(self, job_id: str) -> Outcome:
        if (end := self._jobs.end(job_id)) is not None:
            return _outcome(job_id, end)
        work = self.rigs.look(job_id)
        if work is None:
            return self._begin(job_id)
        if work.strange:
            strange, work.strange = work.strange, ""
            raise NotUnderstood(strange)
        return Working(work.progress, self._look_again_s)

    def _begin(self, job_id: str) -> Outcome:
        """Have a job rendered here, unless somebody is at it, or has been.

        Raises:
            NotThere: there is no such order.
        """
        order = self._jobs.order(job_id)
        if order is None:
            raise NotThere("no such order in the work folder")
        if self.rigs.look(job_id) is not None:
            return Working(0, self._look_again_s)
        claim = self._jobs.claim(job_id)
        if claim is None:
            return Working(self._jobs.progress(job_id), self._look_again_s)
        if (end := self._jobs.end(job_id)) is not None:
            claim.release()
            return _outcome(job_id, end)
        self.rigs.begin(job_id, order, claim)
        return Working(0, self._look_again_s)


def _job_in(handle: Mapping[str, object]) -> str:
    job_id = handle.get("job")
    if not isinstance(job_id, str) or not job_id.isalnum() or not job_id.isascii():
        raise NotUnderstood("a ticket that is not ours")
    return job_id


def _outcome(job_id: str, end: Said) -> Outcome:
    """Read how a job ended.

    Raises:
        NotUnderstood: in words that we do not know.
    """
    match end:
        case {"done": dict()}:
            return Ready({"job": job_id})
        case {"canceled": _}:
            return Lost(Failure.of(Reason.CANCELED))
        case {"failed": {"word": str(word)}} if word in WORDS:
            return Lost(WORDS[word])
    raise NotUnderstood("it ended in words that are none of ours")


async def _path_of(asset: Asset, assets: Assets) -> Path:
    if asset.blob is None:
        internal = Failure.of(Reason.INTERNAL)
        raise Refused(internal, Blame.HOUSE, note=f"the {asset.role} was not fetched")
    try:
        return await assets.path_of(asset.blob)
    except OSError as error:
        note = f"not sent: the {asset.role} cannot be read: {type(error).__name__}"
        raise Busy(note) from error


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk


def _complaint(folder: Path, model: str) -> str | None:
    """Say why a model's name cannot be one of a folder within `folder`; None if it can."""
    if not model or Path(model).is_absolute() or ".." in Path(model).parts:
        return f"{model!r} names no folder within {folder}"
    return None


def _no_library(python: str) -> str | None:
    """Say why no child can be started; None if one can."""
    if python != own_python():
        return None if shutil.which(python) else f"there is no interpreter {python}"
    if find_spec("diffusers") and find_spec("torch"):
        return None
    return "there is no diffusers: pip install rushes[diffusers], or name a python that has it"


# -- options ------------------------------------------------------------------------------------


def asked_in(options: Mapping[str, object]) -> Asked:
    """Read an operator's options.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    said = Options("local_diffusers", options)
    asked = Asked(
        setting=Setting(
            folder=_path(said, "folder"),
            place=_path(said, "work"),
            dtype=said.one_of("dtype", DTYPES) or DTYPES[0],
            offload=said.one_of("offload", OFFLOADS) or OFFLOADS[0],
            idle_s=said.seconds("idle_s", 600.0),
            stop_s=said.seconds("stop_s", 20.0),
        ),
        terms=Terms(
            said.whole("fps", 1, FPS_MAX), said.whole("steps", 1, STEPS_MAX), _guidance(said)
        ),
        devices=_devices(said),
        python=said.text("python") or own_python(),
        look_again_s=said.seconds("look_again_s", LOOK_AGAIN_S),
    )
    said.any("submit_timeout_s")  # every provider has it; here there is nothing to bound
    said.check_all_known()
    return asked


def _path(said: Options, option: str) -> Path:
    value = said.any(option)
    if not isinstance(value, str) or not value:
        raise ValueError(f"local_diffusers needs the option {option!r}: the path of a folder")
    return Path(value).expanduser().absolute()


def _devices(said: Options) -> tuple[str, ...]:
    value = said.any("devices")
    if value is None:
        return ("auto",)
    found = tuple(value) if isinstance(value, list | tuple) else ()
    if not found or not all(isinstance(each, str) and each for each in found):
        raise ValueError(f"option 'devices' is a list such as ['cuda:0']; got {value!r}")
    if len(set(found)) != len(found):
        raise ValueError("option 'devices' names a device twice")
    return found


def _guidance(said: Options) -> float | None:
    value = said.any("guidance")
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, int | float) or not is_number or not 0 < value <= GUIDANCE_MAX:
        raise ValueError(
            f"option 'guidance' is a number above 0, up to {GUIDANCE_MAX:g}; got {value!r}"
        )
    return float(value)
