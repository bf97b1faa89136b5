"""Applications written for relays of the new-api family run on, as far as the page serves them.

SERVED says which way of reading ends in which style; the others would look for ever. It is held
both ways, so that a change of the page shows here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from journeying import Running, a_server, wait_until
from relays import ASKED, PROMPT, READERS, Read, RelayClient, Word, tolerant

SERVED: Mapping[str, set[str]] = {
    "tolerant": {"flat", "envelope"},
    "flat_words": {"flat"},
    "enveloped_words": {"envelope"},
    "nested_or_flat": {"flat"},
    "flat_completed": set(),
    "rows_of_the_relay": set(),
}
"""The styles in which a way of reading finds its end."""

PAIRS = [(style, name) for name, styles in SERVED.items() for style in sorted(styles)]
STYLES = ("flat", "envelope")
MODEL = "sandbox"
SMALL = {"prompt": PROMPT, "duration": 1, "resolution": "480p"}


@pytest.fixture(scope="module")
def enveloped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("enveloped") / "data"
    with a_server(folder, config='response_style = "envelope"\n') as running:
        yield running


@pytest.fixture(scope="module")
def relays(server: Running, enveloped: Running) -> Mapping[str, Running]:
    return dict(zip(STYLES, (server, enveloped), strict=True))


def client_of(running: Running, name: str) -> RelayClient:
    return RelayClient(running.url, running.key, READERS[name])


def polled(client: RelayClient, task_id: str) -> Read:
    """Look again and again, as such a client does, until it reads an end."""
    seen: list[Read] = []

    def has_ended() -> bool:
        seen.append(client.look(task_id))
        return seen[-1].word is not Word.PENDING

    wait_until(has_ended, timeout_s=60, why=lambda: f"it read {seen[-1]}")
    return seen[-1]


def test_every_way_of_reading_is_tried_in_every_style() -> None:
    assert set(SERVED) == set(READERS)
    assert set().union(*SERVED.values()) == set(STYLES)


@pytest.mark.parametrize(("style", "name"), PAIRS)
def test_a_client_of_a_relay_gets_its_film(
    relays: Mapping[str, Running], style: str, name: str
) -> None:
    client = client_of(relays[style], name)
    task_id = client.submit(MODEL, **SMALL)
    read = polled(client, task_id)
    assert read.word is Word.DONE
    assert read.url is not None
    film = client.fetch(read.url)
    assert film[4:8] == b"ftyp"
    assert client.fetch_by_key(task_id) == film


@pytest.mark.long
@pytest.mark.parametrize(("style", "name"), PAIRS)
def test_a_client_of_a_relay_reads_why_there_is_no_film(
    relays: Mapping[str, Running], style: str, name: str
) -> None:
    client = client_of(relays[style], name)
    script = {"sandbox": {"outcome": "content_policy_violation"}}
    read = polled(client, client.submit(MODEL, **SMALL, metadata=script))
    assert read.word is Word.FAILED
    assert read.why == "The provider refused the prompt or an input: content policy."


@pytest.mark.long
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("style", STYLES)
def test_a_task_is_accepted_however_clients_of_relays_ask(
    relays: Mapping[str, Running], style: str, asked: str
) -> None:
    client = client_of(relays[style], "tolerant")
    read = polled(client, client.submit(MODEL, **ASKED[asked]))
    assert read.word is Word.DONE, read


@pytest.mark.long
@pytest.mark.parametrize("style", STYLES)
def test_what_reads_other_words_is_named_and_would_look_for_ever(
    relays: Mapping[str, Running], style: str
) -> None:
    """A final answer never changes, so one look at it tells."""
    running = relays[style]
    client = RelayClient(running.url, running.key, tolerant)
    task_id = client.submit(MODEL, **SMALL)
    assert polled(client, task_id).word is Word.DONE
    for name, styles in SERVED.items():
        word = client_of(running, name).look(task_id).word
        assert word is (Word.DONE if style in styles else Word.PENDING), name


@pytest.mark.long
@pytest.mark.parametrize("style", STYLES)
def test_a_refusal_is_a_sentence_that_a_client_can_show(
    relays: Mapping[str, Running], style: str
) -> None:
    client = client_of(relays[style], "tolerant")
    with pytest.raises(RuntimeError, match="There is no model kling-v1"):
        client.submit("kling-v1", prompt=PROMPT)
    with pytest.raises(RuntimeError, match="'duration' must be one of"):
        client.submit(MODEL, prompt=PROMPT, duration=99)
