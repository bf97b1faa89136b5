"""Sealing films: they play as before, say where they come from, and show a changed byte."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from filming import Scene, shoot
from rushes.clock import SystemClock
from rushes.domain.provenance import PROMPT_DIGEST_OF, SourceType, prompt_digest
from rushes.media.children import FreshChildren, isolated
from rushes.media.manifest import Told
from rushes.media.reader import read_film
from rushes.media.reading import Reading
from rushes.media.seal_child import LEAVES_FROM_BYTES
from rushes.media.sealer import FRESH, FilmSealer, Unsealed
from rushes.media.sealing import Order
from rushes.media.signet import BadSignet, issued, own_signet, signet_of
from sealed import (
    ORIGIN,
    is_sealed,
    names_of,
    packets_of,
    padded,
    pictures_of,
    placed,
    sealed,
    signet_in,
)

FAST = "faststart"
FILMS = {
    "index in front": Scene(has_sound=True, movflags=FAST),
    "index behind": Scene(has_sound=True),
    "in fragments": Scene(has_sound=True, movflags="frag_keyframe+empty_moov+default_base_moof"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signet")


@pytest.fixture
def sealer(home: Path) -> FilmSealer:
    return FilmSealer(lambda: signet_in(home), children=FreshChildren(FRESH))


async def read(content: bytes, folder: Path, anchors: str | None = None) -> Reading:
    film = placed(content, folder / "read")
    return await asyncio.to_thread(read_film, film, anchors)


@pytest.mark.parametrize("name", FILMS)
async def test_a_sealed_film_plays_as_it_did(name: str, sealer: FilmSealer, tmp_path: Path) -> None:
    content = shoot(FILMS[name])
    after = await sealed(content, tmp_path / "work", sealer)
    assert is_sealed(after)
    assert not is_sealed(content)
    assert [box for box in names_of(after) if box not in {b"uuid", b"free"}] == [
        box for box in names_of(content) if box != b"free"
    ]
    assert packets_of(after) == packets_of(content)
    assert pictures_of(after) == pictures_of(content)


async def test_an_index_in_front_stays_in_front(sealer: FilmSealer, tmp_path: Path) -> None:
    after = await sealed(shoot(FILMS["index in front"]), tmp_path / "work", sealer)
    names = names_of(after)
    assert names[0] == b"ftyp"
    assert names.index(b"moov") < names.index(b"mdat")


async def test_a_seal_says_where_a_film_comes_from_and_holds(
    sealer: FilmSealer, home: Path, tmp_path: Path
) -> None:
    after = await sealed(shoot(FILMS["index in front"]), tmp_path / "work", sealer)
    stranger = (await read(after, tmp_path)).sealed
    assert (stranger.state, stranger.problems) == ("Valid", ())
    friend = (await read(after, tmp_path, (home / "certificate.pem").read_text())).sealed
    assert (friend.state, friend.problems) == ("Trusted", ())
    assert friend.signed_by == "Example Films"
    assert friend.source_type == "trainedAlgorithmicMedia"
    assert friend.made_by == ORIGIN.model
    assert friend.made_with.startswith("Rushes ")
    assert friend.parent is None
    assert friend.generation == {
        "task_id": ORIGIN.task_id,
        "collected_at": "2026-11-23T12:00:00+00:00",
        "model": ORIGIN.model,
        "asked_model": ORIGIN.asked_model,
        "provider": ORIGIN.provider,
        "prompt_sha256": prompt_digest(ORIGIN.task_id, ORIGIN.prompt),
        "prompt_sha256_of": PROMPT_DIGEST_OF,
    }


async def test_what_the_sandbox_drew_is_no_models_work(sealer: FilmSealer, tmp_path: Path) -> None:
    drawn = replace(ORIGIN, source_type=SourceType.ALGORITHMIC, prompt="")
    after = await sealed(shoot(Scene()), tmp_path / "work", sealer, drawn)
    found = (await read(after, tmp_path)).sealed
    assert found.source_type == "algorithmicMedia"
    assert "prompt_sha256" not in (found.generation or {})


async def test_an_operator_may_have_less_told(home: Path, tmp_path: Path) -> None:
    quiet = FilmSealer(lambda: signet_in(home), told=frozenset(), children=FreshChildren(FRESH))
    after = await sealed(shoot(Scene()), tmp_path / "work", quiet)
    for word in (ORIGIN.model, ORIGIN.asked_model, prompt_digest(ORIGIN.task_id, ORIGIN.prompt)):
        assert word.encode() not in after
    generation = (await read(after, tmp_path)).sealed.generation
    assert generation is not None
    assert set(generation) == {"task_id", "collected_at"}
    assert set(Told) == {"model", "provider", "prompt"}


async def test_one_changed_byte_breaks_a_seal(sealer: FilmSealer, tmp_path: Path) -> None:
    after = await sealed(shoot(FILMS["index in front"]), tmp_path / "work", sealer)
    pictures = after.index(b"mdat") + 200
    told = after.index(ORIGIN.model.encode())
    index = after.index(b"mvhd") + 20
    for place in (pictures, told, index, len(after) - 1):
        changed = bytearray(after)
        changed[place] ^= 1
        found = (await read(bytes(changed), tmp_path)).sealed
        assert found.state == "Invalid", place
        assert found.problems, place
    longer = (await read(after + b"\0\0\0\x0cjunk1234", tmp_path)).sealed
    assert longer.state == "Invalid"


async def test_a_long_film_is_hashed_by_parts_and_a_changed_byte_shows(
    sealer: FilmSealer, tmp_path: Path
) -> None:
    content = padded(shoot(FILMS["index in front"]), LEAVES_FROM_BYTES)
    after = await sealed(content, tmp_path / "work", sealer)
    assert (await read(after, tmp_path)).sealed.state == "Valid"
    assert packets_of(after) == packets_of(content)
    changed = bytearray(after)
    changed[len(after) - len(after) // 3] ^= 1
    found = (await read(bytes(changed), tmp_path)).sealed
    assert (found.state, found.problems) == ("Invalid", ("assertion.bmffHash.mismatch",))


async def test_a_seal_of_an_upstreams_own_is_kept_beneath(
    sealer: FilmSealer, tmp_path: Path
) -> None:
    theirs = FilmSealer(lambda: signet_in(tmp_path, "Upstream"), children=FreshChildren(FRESH))
    content = await sealed(shoot(FILMS["index in front"]), tmp_path / "a", theirs)
    after = await sealed(content, tmp_path / "b", sealer)
    found = (await read(after, tmp_path)).sealed
    assert (found.state, found.signed_by, found.parent) == ("Valid", "Example Films", True)
    assert found.source_type == "trainedAlgorithmicMedia"
    assert packets_of(after) == packets_of(content)
    spoiled = bytearray(content)
    spoiled[content.index(b"mdat") + 200] ^= 1
    found = (await read(await sealed(bytes(spoiled), tmp_path / "c", sealer), tmp_path)).sealed
    assert (found.state, found.parent) == ("Valid", False)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "Ed25519", "RSA"],
)
async def test_an_operators_own_key_seals(key: PrivateKeyTypes, tmp_path: Path) -> None:
    certificates, secret = issued_for(key)
    sealer = FilmSealer(lambda: signet_of(certificates, secret), children=FreshChildren(FRESH))
    found = (await read(await sealed(shoot(Scene()), tmp_path / "work", sealer), tmp_path)).sealed
    assert (found.state, found.signed_by) == ("Valid", "Studio")


def issued_for(key: PrivateKeyTypes) -> tuple[bytes, bytes]:
    """A chain for a key by an authority that a test makes, and the key; both as PEM."""
    certificates = issued("Studio", SystemClock().now(), key.public_key())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificates.encode(), secret


# -- the key -----------------------------------------------------------------------------------


def test_a_signet_is_made_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    at = SystemClock().now()
    first = own_signet(tmp_path, "Example Films", at)
    again = own_signet(tmp_path, "Other Films", at + timedelta(days=1))
    assert again == replace(first, key=again.key)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sorted(tmp_path.iterdir())}
    assert modes == {"certificate.pem": 0o644, "signet.pem": 0o600}
    assert b"PRIVATE" not in (tmp_path / "certificate.pem").read_bytes()
    assert "PRIVATE" not in repr(first)


def test_a_signet_that_was_spoiled_is_told_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "signet.pem").write_text("nonsense")
    with pytest.raises(BadSignet, match="certificate is no PEM"):
        own_signet(tmp_path, "Example Films", SystemClock().now())
    assert (tmp_path / "signet.pem").read_text() == "nonsense"


def test_what_cannot_seal_is_told_in_words() -> None:
    certificates, secret = issued_for(ec.generate_private_key(ec.SECP256R1()))
    _, other = issued_for(ec.generate_private_key(ec.SECP256R1()))
    odd, odd_secret = issued_for(ec.generate_private_key(ec.SECP256K1()))
    locked = serialization.load_pem_private_key(secret, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"1234"),
    )
    for given, words in (
        ((certificates, other), "not that of the first certificate"),
        ((secret, secret), "certificate is no PEM"),
        ((certificates, certificates), "key is no PEM"),
        ((certificates, locked), "key is encrypted"),
        ((odd, odd_secret), "of no kind that films are sealed with"),
    ):
        with pytest.raises(BadSignet, match=words) as told:
            signet_of(*given)
        assert "PRIVATE KEY-----\n" not in str(told.value)


def test_an_own_certificate_is_fit_for_its_purpose_alone(tmp_path: Path) -> None:
    signet = signet_in(tmp_path)
    own, root = x509.load_pem_x509_certificates(signet.certificates.encode())
    assert own.issuer == root.subject
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = own.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    own.verify_directly_issued_by(root)


# -- children ----------------------------------------------------------------------------------

SPOKEN = """
import json, os, socket, sys
from rushes.media.inspection import InspectionLimits
line = socket.socket(fileno=os.dup(1))
heard = line.makefile("rb")
order = json.loads(heard.readline())
def tell(**wish): line.sendall(json.dumps(wish).encode() + b"\\n")
"""


def scripted(script: str, home: Path) -> FilmSealer:
    return FilmSealer(lambda: signet_in(home), children=FreshChildren(isolated(SPOKEN + script)))


async def test_a_child_never_sees_the_key(home: Path, tmp_path: Path) -> None:
    nosy = """
seen = json.dumps([order, dict(os.environ), sorted(os.listdir("/proc/self/fd"))])
tell(is_done=True, fault=seen)
"""
    with pytest.raises(Unsealed) as told:
        await sealed(shoot(Scene()), tmp_path / "work", scripted(nosy, home))
    order, environment, descriptors = json.loads(str(told.value))
    assert "PRIVATE" not in json.dumps(order)
    assert set(environment) <= {"LC_CTYPE"}
    assert descriptors == ["0", "1", "2", "3", "4"]  # the line once more, and the listing


async def test_a_child_has_one_signature_and_no_other(home: Path, tmp_path: Path) -> None:
    greedy = """
for _ in range(2):
    tell(message="YQ==")
    heard.readline()
"""
    with pytest.raises(Unsealed, match="more than one signature"):
        await sealed(shoot(Scene()), tmp_path / "work", scripted(greedy, home))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("os._exit(9)", "ended without a result"),
        ("raise RuntimeError('no library')", "ended without a result"),
        ("line.sendall(b'nonsense\\n'); heard.readline()", "ended without a result"),
        ("line.sendall(b'x' * 2**21); heard.readline()", "ended without a result"),
        ("tell(is_done=True)", "boxes did not stay"),
        ("open('sealed.mp4', 'wb').write(b'x'); tell(is_done=True)", "boxes did not stay"),
        ("tell(is_done=True, fault='it is odd')", "it is odd"),
    ],
)
async def test_a_child_that_breaks_costs_the_seal_and_not_the_film(
    script: str, words: str, home: Path, tmp_path: Path
) -> None:
    content = shoot(Scene())
    with pytest.raises(Unsealed, match=words):
        await sealed(content, tmp_path / "work", scripted(script, home))


async def test_what_has_no_boxes_is_not_sealed(sealer: FilmSealer, tmp_path: Path) -> None:
    for odd in (b"<html></html>", b""):
        with pytest.raises(Unsealed):
            await sealed(odd, tmp_path / "work", sealer)


async def test_many_films_are_sealed_by_forked_children(home: Path, tmp_path: Path) -> None:
    sealer = FilmSealer(lambda: signet_in(home))
    content = shoot(FILMS["index in front"])
    films = await asyncio.gather(
        *(sealed(content, tmp_path / f"w{number}", sealer) for number in range(6))
    )
    assert all(is_sealed(film) for film in films)
    assert packets_of(films[-1]) == packets_of(content)


def test_an_order_is_small(home: Path) -> None:
    sealer = FilmSealer(lambda: signet_in(home))
    order = sealer._order(signet_in(home), replace(ORIGIN, prompt="x" * 10_000), None)
    assert isinstance(order, Order)
    assert len(json.dumps([dict(order.fresh), dict(order.above), order.certificates])) < 16_384


def test_a_walk_over_boxes_is_bounded() -> None:
    from rushes.media.seals import tag_of

    assert tag_of(io.BytesIO(b"\0\0\0\x08free" * 10_000)) is None
    assert not is_sealed(os.urandom(4_096))
