"""`local_diffusers`: what is told to a child, what a folder may hold, and who is at a job.

Children are made by hand here, or are real ones that find no library; `test_real_diffusers.py`
has the library.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from journeying import wait_until
from rushes.domain.errors import Blame, Reason
from rushes.domain.ids import new_token
from rushes.domain.spec import Asset, Mode, Role, Spec
from rushes.domain.submit import Ticket
from rushes.providers._local_diffusers_jobs import ENDED_S_MAX, LEFT_S_MAX, Jobs
from rushes.providers._local_diffusers_orders import Terms, told
from rushes.providers._local_diffusers_rigs import CHILD, DEATHS_MAX, _environment, own_python
from rushes.providers._local_diffusers_weights import PIPELINES, Unusable, pipelines_in
from rushes.providers.base import (
    Absent,
    Busy,
    CancelOutcome,
    Found,
    Lost,
    NotUnderstood,
    Outcome,
    Ready,
    Refused,
    Unreachable,
    Working,
)
from rushes.providers.local_diffusers import LocalDiffusers, job_id_of
from rushes.providers.registry import Misconfigured, build
from rushes.testing.conformance.scenes.local_diffusers import MODEL, SPEC, LocalStage, opened
from rushes.testing.conformance.scenes.simulated import NoAssets
from rushes.testing.simulators.films import tiny_still
from rushes.testing.simulators.local_diffusers import WAN, a_model

GOLDENS = sorted((Path(__file__).parent / "goldens" / "local_diffusers").glob("*.json"))
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
PATIENCE_S = 10.0


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def path_of(self, blob: str) -> Path:
        return self.folder / blob


async def submit(provider: LocalDiffusers, spec: Spec = SPEC, **more: Any) -> Ticket:
    facts: dict[str, Any] = {"upstream_model": MODEL, "token": new_token()}
    facts |= {"assets": NoAssets()} | more
    return await provider.submit(spec, **facts)


async def over(provider: LocalDiffusers, ticket: Ticket) -> Outcome:
    async with asyncio.timeout(PATIENCE_S):
        await provider.rigs.wait(ticket["job"])
    return await provider.check(ticket)


def reason_of(outcome: Outcome) -> Reason:
    assert isinstance(outcome, Lost), outcome
    return outcome.failure.reason


# -- what is told --------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_spec_becomes_an_order(path: Path) -> None:
    golden = json.loads(path.read_text())
    spec, terms = msgspec.convert(golden["spec"], Spec), Terms(**golden.get("terms", {}))
    pipelines = PIPELINES[golden["pipeline"]]
    if "refused" not in golden:
        assert told(spec, "tiny", pipelines, terms).order == golden["order"]
        return
    with pytest.raises(Refused) as refused:
        told(spec, "tiny", pipelines, terms)
    assert refused.value.failure.message == golden["refused"]
    assert refused.value.blame is Blame.PROVIDER, "another route may make it"


def test_every_mode_has_a_golden() -> None:
    assert {json.loads(path.read_text())["spec"]["mode"] for path in GOLDENS} == set(Mode)


async def test_a_child_is_told_the_order_and_where_everything_is(tmp_path: Path) -> None:
    async with opened() as stage:
        a_model(stage.folder / "models" / "i2v", WAN | {"_class_name": "WanImageToVideoPipeline"})
        (tmp_path / "still").write_bytes(tiny_still("PNG"))
        first = Asset(Role.FIRST_FRAME, "image", blob="still", content_type="image/png")
        spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,))
        ticket = await submit(stage.local, spec, upstream_model="i2v", assets=Folder(tmp_path))
        (tmp_path / "still").unlink()  # the order has its own
        order = (await stage.bench.next()).order
    job = stage.work / "jobs" / ticket["job"]
    assert order["images"] == {"first_frame": str(job / "first_frame")}
    assert (order["job"], order["folder"]) == (ticket["job"], str(stage.folder / "models" / "i2v"))
    assert (order["device"], order["dtype"], order["offload"]) == ("cpu", "auto", "none")
    assert order["device_lock"] == str(stage.work / "device-cpu.lock")
    assert (order["prompt"], order["pipeline"]) == (SPEC.prompt, "WanImageToVideoPipeline")


async def test_an_image_that_cannot_be_read_is_met_before_an_order_is_written() -> None:
    async with opened() as stage:
        a_model(stage.folder / "models" / "i2v", WAN | {"_class_name": "WanImageToVideoPipeline"})
        first = Asset(Role.FIRST_FRAME, "image", blob="still", content_type="image/png")
        spec = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,))
        with pytest.raises(Busy, match="FileNotFoundError"):
            await submit(stage.local, spec, upstream_model="i2v")
        assert stage.submits() == 0


# -- what a folder may hold --------------------------------------------------------------------


def test_a_folder_says_what_it_makes(tmp_path: Path) -> None:
    text, image, both = Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO, Mode.FIRST_LAST_FRAME
    assert {*pipelines_in(a_model(tmp_path / "t2v"))} == {text}
    words_and_images = a_model(tmp_path / "ti2v", WAN | {"expand_timesteps": True})
    (words_and_images / "vae" / "config.json").write_text('{"scale_factor_spatial": 16}')
    found = pipelines_in(words_and_images)
    assert {*found} == {text, image}
    assert {(each.edge_px, each.fps) for each in found.values()} == {(32, 24)}
    of_images = WAN | {"_class_name": "WanImageToVideoPipeline"}
    assert {*pipelines_in(a_model(tmp_path / "i2v", of_images))} == {image, both}
    encoder = {"image_encoder": ["transformers", "CLIPVisionModel"]}
    encoded = a_model(tmp_path / "encoded", of_images | encoder)
    assert {*pipelines_in(encoded)} == {image}, "the last frame would not fit"
    (encoded / "transformer" / "config.json").write_text('{"pos_embed_seq_len": 514}')
    assert {*pipelines_in(encoded)} == {image, both}
    ltx = pipelines_in(a_model(tmp_path / "ltx", WAN | {"_class_name": "LTXPipeline"}))
    assert ltx[image].name == "LTXImageToVideoPipeline"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"_class_name": "StableDiffusionPipeline"}, "known are WanPipeline"),
        ({"_class_name": ["pipeline", "Mine"]}, "known are WanPipeline"),
        ({"vae": ["os", "system"]}, "takes its vae from 'os'"),
        ({"vae": ["my_vae", "Mine"]}, "takes its vae from 'my_vae'"),
        ({"../vae": ["diffusers", "AutoencoderKLWan"]}, "no folder for its ../vae"),
    ],
)
def test_a_pipeline_that_would_run_code_is_refused(
    change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    folder = a_model(tmp_path / "a" / "model")
    (folder / "model_index.json").write_text(json.dumps(WAN | change))
    with pytest.raises(Unusable, match=sentence):
        pipelines_in(folder)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("vae/modeling.py", "", "is code"),
        ("pipeline.py", "", "is code"),
        ("vae/config.json", '{"auto_map": {"AutoModel": "x"}}', "auto_map"),
        ("vae/config.json", "[]", "no JSON object"),
        ("vae/config.json", '{"scale_factor_spatial": "8"}', "of a shape"),
        ("transformer/config.json", '{"patch_size": [1, 2]}', "of a shape"),
        ("model_index.json", "{", "no JSON object"),
    ],
)
def test_a_folder_that_brings_code_or_makes_no_sense_is_refused(
    file: str, content: str, sentence: str, tmp_path: Path
) -> None:
    folder = a_model(tmp_path / "model")
    (folder / file).write_text(content)
    with pytest.raises(Unusable, match=sentence):
        pipelines_in(folder)


def test_weights_that_are_only_there_pickled_are_refused(tmp_path: Path) -> None:
    folder = a_model(tmp_path / "model")
    (folder / "vae" / "diffusion_pytorch_model.bin").touch()
    assert pipelines_in(folder), "what lies beside safetensors is not loaded"
    (folder / "vae" / "model.safetensors").unlink()
    with pytest.raises(Unusable, match="only safetensors"):
        pipelines_in(folder)


@pytest.mark.parametrize("model", ["", "gone", "/etc", "../models", MODEL + "/vae"])
async def test_a_model_that_is_not_there_needs_the_operator(model: str) -> None:
    async with opened() as stage:
        with pytest.raises(Refused) as refused:
            await submit(stage.local, upstream_model=model)
        assert refused.value.failure.reason is Reason.PROVIDER_UNUSABLE
        assert refused.value.blame is Blame.PROVIDER
        assert str(stage.folder) not in refused.value.failure.message
        assert stage.submits() == 0


# -- one order, one film -------------------------------------------------------------------


async def test_a_submit_is_one_order_however_often_it_is_asked() -> None:
    async with opened() as stage:
        token = "f" * 32
        ticket = await submit(stage.local, token=token)
        assert await submit(stage.local, token=token) == ticket == {"job": job_id_of(token)}
        assert stage.submits() == 1
        (stage.folder / "work" / "jobs" / ticket["job"] / "order.json").stat()
        assert token not in json.dumps(ticket), "a ticket does not tell a token"


async def test_what_was_never_written_is_absent_for_certain() -> None:
    async with opened() as stage:
        await submit(stage.local)
        search = await stage.local.find(new_token(), SPEC, upstream_model=MODEL, since=NOON)
        assert search == Absent()


async def test_a_disk_that_fails_before_the_order_is_there_has_taken_nothing(
    tmp_path: Path,
) -> None:
    def broken(number: int) -> None:
        raise OSError(28, "No space left on device")

    jobs = Jobs(tmp_path, sync=broken)
    with pytest.raises(OSError, match="No space"):
        jobs.accept("a" * 32, {"model": MODEL}, {})
    assert jobs.order("a" * 32) is None
    assert [*(tmp_path / "jobs").iterdir()] == [], "nor left half of it behind"


async def test_the_first_end_is_right() -> None:
    async with opened() as stage:
        ticket = await submit(stage.local)
        child = await stage.bench.next()
        stage.bench.is_deaf = True
        assert await stage.local.cancel(ticket) is CancelOutcome.CANCELED
        child.end()  # it had its last frame when the stop came
        assert reason_of(await over(stage.local, ticket)) is Reason.CANCELED


async def test_an_end_in_words_of_another_version_is_ignorance() -> None:
    async with opened() as stage:
        for end in ({"failed": {"word": "melted"}}, {"gone": 1}, {}):
            ticket = await submit(stage.local)
            (await stage.bench.next()).end()
            await over(stage.local, ticket)
            place = stage.work / "jobs" / ticket["job"] / "end.json"
            place.write_text(json.dumps(end))
            with pytest.raises(NotUnderstood):
                await stage.local.check(ticket)


async def test_a_film_that_was_told_but_is_not_there_was_not_made() -> None:
    async with opened() as stage:
        ticket = await submit(stage.local)
        (await stage.bench.next()).end({"done": {"frame_count": 16}})
        assert reason_of(await over(stage.local, ticket)) is Reason.PROVIDER_FAILED


async def test_a_work_folder_that_cannot_be_read_is_ignorance() -> None:
    async with opened() as stage:
        ticket = await submit(stage.local)
        await stage.local.close()
        job = stage.work / "jobs" / ticket["job"]
        (job / "end.json").mkdir()
        with pytest.raises(Unreachable):
            await stage.local.check(ticket)


async def test_what_ended_long_ago_is_swept_and_what_nobody_asks_for_much_later(
    tmp_path: Path,
) -> None:
    jobs = Jobs(tmp_path)
    for name, is_over in (("over", True), ("fresh", True), ("open", False), ("left", False)):
        jobs.accept(name, {}, {})
        if is_over:
            jobs.settle(name, {"canceled": True})
    now = (tmp_path / "jobs" / "fresh").stat().st_mtime
    for name, age_s in (("over", ENDED_S_MAX), ("open", ENDED_S_MAX), ("left", LEFT_S_MAX)):
        os.utime(tmp_path / "jobs" / name, (now, now - age_s - 60))
    jobs.accept("next", {}, {})
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {"fresh", "open", "next"}


# -- who is at it --------------------------------------------------------------------------


async def test_a_child_that_dies_is_followed_by_another() -> None:
    async with opened() as stage:
        ticket = await submit(stage.local)
        (await stage.bench.next()).kill()
        (await stage.bench.next()).end()
        assert isinstance(await over(stage.local, ticket), Ready)
        assert len(stage.bench.children) == 2


async def test_a_job_that_kills_every_child_is_lost() -> None:
    async with opened() as stage:
        ticket = await submit(stage.local)
        for _ in range(DEATHS_MAX):
            (await stage.bench.next()).kill()
        assert reason_of(await over(stage.local, ticket)) is Reason.PROVIDER_FAILED
        assert stage.bench.begun.empty()


async def test_a_child_that_died_between_films_is_no_jobs_fault() -> None:
    async with opened() as stage:
        first = await submit(stage.local)
        child = await stage.bench.next()
        child.end()
        await over(stage.local, first)
        child.kill()
        second = await submit(stage.local)
        await stage.bench.next()  # the dead one is told, and hears nothing
        (await stage.bench.next()).end()
        assert isinstance(await over(stage.local, second), Ready)
        assert not (stage.work / "jobs" / second["job"] / "deaths").exists()


async def test_a_child_keeps_its_weights_until_others_are_wanted() -> None:
    async with opened() as stage:
        a_model(stage.folder / "models" / "other")
        for model in (MODEL, MODEL, "other"):
            ticket = await submit(stage.local, upstream_model=model)
            (await stage.bench.next()).end()
            assert isinstance(await over(stage.local, ticket), Ready)
        assert [child.is_gone for child in stage.bench.children] == [True, False]


@pytest.mark.parametrize(("offload", "count"), [("none", 1), ("model", 2)])
async def test_the_modes_of_a_folder_share_its_weights_unless_those_are_moved(
    offload: str, count: int, tmp_path: Path
) -> None:
    (tmp_path / "still").write_bytes(tiny_still("PNG"))
    first = Asset(Role.FIRST_FRAME, "image", blob="still", content_type="image/png")
    of_images = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(first,))
    async with opened() as stage:
        a_model(stage.folder / "models" / "ltx", WAN | {"_class_name": "LTXPipeline"})
        stage.provider = stage.local = stage.another(offload=offload)
        for spec in (SPEC, of_images):
            ticket = await submit(stage.local, spec, upstream_model="ltx", assets=Folder(tmp_path))
            (await stage.bench.next()).end()
            assert isinstance(await over(stage.local, ticket), Ready)
        assert len(stage.bench.children) == count


async def test_each_device_has_one_film_at_a_time() -> None:
    async with opened() as stage:
        stage.provider = stage.local = stage.another(("cuda:0", "cuda:1"))
        for _ in range(4):
            await submit(stage.local)
        first, second = await stage.bench.next(), await stage.bench.next()
        assert {first.order["device"], second.order["device"]} == {"cuda:0", "cuda:1"}
        assert stage.bench.begun.empty()
        with pytest.raises(Busy):
            await submit(stage.local)


async def test_a_film_that_is_not_wanted_stops_at_a_step_and_its_child_goes_on() -> None:
    async with opened() as stage:
        ticket = await submit(stage.local)
        child = await stage.bench.next()
        assert await stage.local.cancel(ticket) is CancelOutcome.CANCELED
        assert reason_of(await over(stage.local, ticket)) is Reason.CANCELED
        assert child.told[-1] == {"stop": ticket["job"]}
        after = await submit(stage.local)
        assert await stage.bench.next() is child
        child.end()
        assert isinstance(await over(stage.local, after), Ready)


async def test_a_child_that_does_not_stop_is_killed() -> None:
    async with opened() as stage:
        stage.bench.is_deaf = True
        ticket = await submit(stage.local)
        child = await stage.bench.next()
        await stage.local.cancel(ticket)
        assert reason_of(await over(stage.local, ticket)) is Reason.CANCELED
        assert child.is_gone


async def test_what_waits_and_is_not_wanted_is_never_begun() -> None:
    async with opened() as stage:
        first, second = await submit(stage.local), await submit(stage.local)
        child = await stage.bench.next()
        await stage.local.cancel(second)
        child.end()
        assert isinstance(await over(stage.local, first), Ready)
        third = await submit(stage.local)
        assert (await stage.bench.next()).order["job"] == third["job"]


async def test_another_worker_sees_how_far_it_is_and_can_cancel() -> None:
    async with opened() as stage:
        other = stage.another()
        ticket = await submit(stage.local)
        child = await stage.bench.next()
        await child.utter({"step": 2, "of": 4})
        seen = await other.check(ticket)
        assert isinstance(seen, Working)
        assert seen.progress == 47
        assert other.rigs.in_hand == 0, "a job has one process"
        assert await other.cancel(ticket) is CancelOutcome.CANCELED
        child._saying.put_nowait({"step": 3, "of": 4})
        assert reason_of(await over(stage.local, ticket)) is Reason.CANCELED
        assert child.told[-1] == {"stop": ticket["job"]}
        await other.close()


async def test_the_next_worker_takes_up_what_the_last_one_left() -> None:
    async with opened() as stage:
        token = new_token()
        ticket = await submit(stage.local, token=token)
        await stage.bench.next()
        await stage.local.close()
        stage.provider = stage.local = stage.another()
        found = await stage.local.find(token, SPEC, upstream_model=MODEL, since=NOON)
        assert found == Found(ticket)
        assert isinstance(await stage.local.check(ticket), Working)
        (await stage.bench.next()).end()
        assert isinstance(await over(stage.local, ticket), Ready)
        assert stage.submits() == 1


async def test_no_prompt_is_logged_whatever_a_child_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened() as stage:
        for word in ("broken", "order", "zeppelin"):
            ticket = await submit(stage.local, replace(SPEC, prompt="A zeppelin."))
            child = await stage.bench.next()
            await child.utter({"zeppelin": word})
            with pytest.raises(NotUnderstood) as strange:
                await stage.local.check(ticket)
            child.end({"failed": {"word": word, "text": "zeppelin"}})
            await stage.local.rigs.wait(ticket["job"])
            assert "zeppelin" not in str(strange.value)
    assert "zeppelin" not in caplog.text


# -- real processes ------------------------------------------------------------------------


async def test_a_real_child_without_the_library_says_so_and_ends(
    stage_of_processes: LocalStage,
) -> None:
    provider = stage_of_processes.local
    ticket = await submit(provider)
    assert reason_of(await over(provider, ticket)) is Reason.PROVIDER_UNUSABLE
    end = (stage_of_processes.work / "jobs" / ticket["job"] / "end.json").read_text()
    assert "No module named 'torch'" in end


@pytest.fixture
async def stage_of_processes(tmp_path: Path) -> LocalStage:
    stage = LocalStage(tmp_path)
    options = {"folder": str(tmp_path / "models"), "work": str(stage.work)}
    # A name of this interpreter that it does not go by itself: it is not asked for its library.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    built = build("local_diffusers", name="rig", options=options | {"python": str(python)})
    assert isinstance(built, LocalDiffusers)
    stage.provider = stage.local = built
    return stage


PARENT = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-I", sys.argv[1], str(os.getpid())])
print(child.pid, flush=True)
signal.pause()
"""


def test_a_real_child_dies_with_its_parent_by_the_kernel_alone() -> None:
    """Its standard input is ours, and stays open."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    child = Path("/proc") / parent.stdout.readline().strip()
    assert _lives(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait(PATIENCE_S)
    wait_until(lambda: not _lives(child), timeout_s=PATIENCE_S)
    parent.stdout.close()
    parent.stdin.close()


def _lives(process: Path) -> bool:
    try:
        return "zombie" not in (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_real_child_waits_for_a_device_that_another_worker_has(tmp_path: Path) -> None:
    lock = tmp_path / "device-cpu.lock"
    order = {"job": "a", "film": str(tmp_path / "film"), "device_lock": str(lock)}
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        child = subprocess.Popen(
            [sys.executable, "-I", str(CHILD), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps({"render": order}) + "\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline()) == {"stage": "waiting"}
    assert json.loads(child.stdout.readline()) == {"stage": "loading"}
    child.stdin.close()
    child.stdout.close()
    child.wait(PATIENCE_S)


def test_a_child_learns_how_to_reach_its_device_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GPU_KEY", "sk-Winter42")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    told = dict(_environment())
    assert told["CUDA_VISIBLE_DEVICES"] == "1"
    assert "sk-Winter42" not in told.values()
    assert not any(name.startswith(("RUSHES_", "PYTHON")) for name in told)


def test_a_real_child_ends_with_its_standard_input() -> None:
    child = subprocess.run(
        [sys.executable, "-I", str(CHILD), str(os.getpid())],
        input=b"",
        timeout=PATIENCE_S,
        check=False,
    )
    assert child.returncode == 3


def test_a_real_child_reaches_no_network() -> None:
    script = (
        "import runpy, socket, sys\n"
        f"child = runpy.run_path({str(CHILD)!r})\n"
        "sys.addaudithook(child['_stay_at_home'])\n"
        "for act in (lambda: socket.create_connection(('127.0.0.1', 9)),\n"
        "            lambda: socket.getaddrinfo('example.org', 443)):\n"
        "    try:\n"
        "        act()\n"
        "    except PermissionError as error:\n"
        "        print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert said.count("is not for a renderer") == 2


# -- options -------------------------------------------------------------------------------

PLACES = {"folder": "/models", "work": "/var/lib/rushes/rig"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"work": "/w"}, "needs the option 'folder'"),
        ({"folder": "/m"}, "needs the option 'work'"),
        (PLACES | {"work": ""}, "needs the option 'work'"),
        (PLACES | {"colour": 1}, "no option 'colour'"),
        (PLACES | {"devices": "cuda"}, "is a list"),
        (PLACES | {"devices": []}, "is a list"),
        (PLACES | {"devices": ["cuda:0", "cuda:0"]}, "twice"),
        (PLACES | {"dtype": "int8"}, "one of auto, bfloat16"),
        (PLACES | {"offload": True}, "one of none, model"),
        (PLACES | {"steps": 0}, "from 1 to 200"),
        (PLACES | {"fps": True}, "from 1 to 60"),
        (PLACES | {"guidance": -1}, "above 0"),
        (PLACES | {"idle_s": "long"}, "above 0"),
        (PLACES | {"python": 3}, "'python' is a text"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(
    options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        build("local_diffusers", name="rig", options=options)


def test_it_has_no_address_no_key_and_no_profile() -> None:
    with pytest.raises(Misconfigured, match="no base_url"):
        build("local_diffusers", name="rig", base_url="http://gpu", options=PLACES)
    with pytest.raises(Misconfigured, match="no profiles"):
        build("local_diffusers", name="rig", profile="wan", options=PLACES)


async def test_an_interpreter_without_the_library_is_told_to_the_operator(tmp_path: Path) -> None:
    a_model(tmp_path / "models" / MODEL)
    for python, sentence in (("/no/such/python", "no interpreter"), (own_python(), "pip install")):
        options = {"folder": str(tmp_path / "models"), "work": str(tmp_path / "work")}
        built = build("local_diffusers", name="rig", options=options | {"python": python})
        assert isinstance(built, LocalDiffusers)
        with pytest.raises(Refused) as refused:
            await submit(built)
        assert sentence in refused.value.note
        with pytest.raises(Unreachable, match=sentence):  # so that `rushes doctor` says it
            await built.find(new_token(), SPEC, upstream_model=MODEL, since=NOON)
        await built.close()
