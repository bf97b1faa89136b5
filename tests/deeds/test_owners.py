"""Accounts and keys as operators make, change and end them: what is refused, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from rushes.deeds import accounts, keys
from rushes.deeds.keys import RIGHTS, Wanted, key_json, state_of
from rushes.deeds.log import Operator
from rushes.domain.access import CALLERS, DEFAULT_ACCOUNT_ID, Account, Key, Limits, Scope
from rushes.domain.errors import CannotBeDone, InvalidValue, ObjectNotFound
from rushes.domain.ids import digest_of
from rushes.ports import Deed, Transaction
from rushes.testing.builders import NOON, a_key
from rushes.testing.memory_store import MemoryStore

ADMIN = frozenset({Scope.ADMIN})
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFICE = ip_network("10.1.0.0/16")
TYPIST = Operator("ann@desk")
FILMS = Wanted("films")


class House:
    """Books, an operator's key, and whoever comes with it from the office."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.key, _ = self.do(
            lambda tx: keys.create(tx, TYPIST, Wanted("ops", scopes=ADMIN), at=NOON)
        )
        self.who = Operator(f"{self.key.id} (ops)", "10.1.2.3", self.key)

    def do(self, act: Callable[[Transaction], Any]) -> Any:
        return self.store.write_now(act)

    def deeds(self) -> list[Deed]:
        return list(self.store.read_now(lambda tx: tx.audit(99)))

    def key_now(self, key: Key) -> Key:
        found = self.store.read_now(lambda tx: tx.key(key.id))
        assert found is not None
        return found

    def made(self, wanted: Wanted = FILMS) -> Key:
        key: Key = self.do(lambda tx: keys.create(tx, TYPIST, wanted, at=NOON))[0]
        return key

    def as_narrow(self, **bounds: Any) -> Operator:
        """An operator whose own key is bound."""
        key = self.made(Wanted("narrow", scopes=ADMIN, **bounds))
        return Operator("narrow", "10.1.2.4", key)


@pytest.fixture
def house() -> House:
    return House()


# -- what is written down ----------------------------------------------------------------------


def an_account(house: House) -> Account:
    account: Account = house.do(lambda tx: accounts.create(tx, TYPIST, "studio", at=NOON))
    return account


VERBS: dict[str, Callable[[House, Transaction, str, str], object]] = {
    "accounts create": lambda house, tx, _key, _acc: accounts.create(tx, house.who, "b", at=NOON),
    "accounts change": lambda house, tx, _key, acc: accounts.change(
        tx, house.who, acc, {"limits": {"queued_max": 5}}, at=NOON
    ),
    "accounts close": lambda house, tx, _key, acc: accounts.close(tx, house.who, acc, at=NOON),
    "keys create": lambda house, tx, _key, _acc: keys.create(tx, house.who, FILMS, at=NOON),
    "keys change": lambda house, tx, key, _acc: keys.change(
        tx, house.who, key, {"models": frozenset({"sora-2"})}, at=NOON
    ),
    "keys rotate": lambda house, tx, key, _acc: keys.rotate(tx, house.who, key, at=NOON),
    "keys revoke": lambda house, tx, key, _acc: keys.revoke(tx, house.who, key, at=NOON),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_deed_is_written_down_with_who_from_where_and_to_what(
    house: House, verb: str
) -> None:
    key, account, before = house.made(), an_account(house), house.deeds()
    house.do(lambda tx: VERBS[verb](house, tx, key.id, account.id))
    [deed] = [one for one in house.deeds() if one not in before]
    assert (deed.verb, deed.actor, deed.origin) == (verb, house.who.name, "10.1.2.3")
    if not verb.endswith("create"):
        assert deed.object in {key.id, account.id}


@pytest.mark.parametrize(
    "verb", ["accounts change", "accounts close", "keys change", "keys revoke"]
)
def test_what_is_so_already_is_not_written_down_again(house: House, verb: str) -> None:
    key, account = house.made(), an_account(house)
    house.do(lambda tx: VERBS[verb](house, tx, key.id, account.id))
    before = house.deeds()
    house.do(lambda tx: VERBS[verb](house, tx, key.id, account.id))
    assert house.deeds() == before


@pytest.mark.parametrize("verb", [verb for verb in VERBS if not verb.endswith("create")])
def test_what_is_not_there_is_refused_and_not_written_down(house: House, verb: str) -> None:
    before = house.deeds()
    with pytest.raises(ObjectNotFound):
        house.do(lambda tx: VERBS[verb](house, tx, "key_nobody", "acct_nobody"))
    assert house.deeds() == before


def test_a_secret_is_in_no_row_and_no_line(house: House) -> None:
    key, secret = house.do(lambda tx: keys.create(tx, TYPIST, FILMS, at=NOON))
    _, fresh, other = house.do(lambda tx: keys.rotate(tx, TYPIST, key.id, at=NOON))
    told = f"{house.deeds()} {house.key_now(key)} {key_json(fresh, NOON)}"
    assert secret not in told
    assert other not in told
    assert house.key_now(fresh).digest == digest_of(other.encode())


def test_the_log_says_what_changed(house: House) -> None:
    key = house.made()
    changes = {"scopes": frozenset({Scope.READ}), "networks": (OFFICE,), "name": "eyes"}
    house.do(lambda tx: keys.change(tx, house.who, key.id, changes, at=NOON))
    [note] = [deed.note for deed in house.deeds() if deed.verb == "keys change"]
    assert note == "name: eyes; scopes: read; networks: 10.1.0.0/16"


# -- rotation ----------------------------------------------------------------------------------


def test_a_rotated_key_and_its_successor_are_both_valid_for_the_overlap(house: House) -> None:
    bounds: dict[str, Any] = {
        "scopes": frozenset({Scope.READ}),
        "models": frozenset({"sora-2"}),
        "networks": (OFFICE,),
        "limits": Limits(requests_per_s=5),
        "expires_at": NOON + 30 * DAY,
    }
    old = house.made(Wanted("films", **bounds))
    _, new, secret = house.do(lambda tx: keys.rotate(tx, house.who, old.id, at=NOON, overlap=HOUR))
    before, after = house.key_now(old), house.key_now(new)
    assert {name: getattr(after, name) for name in RIGHTS} == bounds
    assert (after.account_id, after.name) == (old.account_id, old.name)
    assert before.replaced_by == new.id
    assert secret.startswith("sk-live-")
    for at, are_valid in ((NOON, (True, True)), (NOON + HOUR, (False, True))):
        assert (before.is_valid(at), after.is_valid(at)) == are_valid
    assert not after.is_valid(NOON + 30 * DAY)


def test_an_overlap_does_not_prolong_a_key_that_ends_before_it(house: House) -> None:
    old = house.made(Wanted("films", expires_at=NOON + HOUR))
    later = NOON + 90 * DAY
    _, new, _ = house.do(lambda tx: keys.rotate(tx, TYPIST, old.id, at=NOON, expires_at=later))
    assert house.key_now(old).expires_at == NOON + HOUR
    assert house.key_now(new).expires_at == later


def test_a_test_key_is_replaced_by_a_test_key(house: House) -> None:
    old = house.made(Wanted("ci", is_test=True))
    _, new, secret = house.do(lambda tx: keys.rotate(tx, TYPIST, old.id, at=NOON))
    assert new.is_test
    assert secret.startswith("sk-test-")


def test_only_a_living_key_is_replaced_and_only_once(house: House) -> None:
    ended, revoked, replaced = (
        house.made(Wanted("a", expires_at=NOON + HOUR)),
        house.made(),
        house.made(),
    )
    house.do(lambda tx: keys.revoke(tx, TYPIST, revoked.id, at=NOON))
    house.do(lambda tx: keys.rotate(tx, TYPIST, replaced.id, at=NOON))
    for key, why in ((ended, "not valid"), (revoked, "is revoked"), (replaced, "replaced before")):
        with pytest.raises(CannotBeDone, match=why):
            house.do(lambda tx, key=key: keys.rotate(tx, TYPIST, key.id, at=NOON + HOUR))


# -- nobody raises himself ---------------------------------------------------------------------


@pytest.mark.promise("P8")
@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": frozenset(Scope)},
        {"expires_at": None},
        {"networks": None},
        {"limits": {"requests_per_s": None}},
    ],
)
def test_a_key_cannot_change_what_it_may_itself(house: House, changes: dict[str, Any]) -> None:
    who = house.as_narrow(
        networks=(OFFICE,), expires_at=NOON + DAY, limits=Limits(requests_per_s=1)
    )
    assert who.key is not None
    own = who.key.id
    with pytest.raises(CannotBeDone, match="its own"):
        house.do(lambda tx: keys.change(tx, who, own, changes, at=NOON))
    house.do(lambda tx: keys.change(tx, who, own, {"name": "renamed"}, at=NOON))


WIDER = {
    "from everywhere": {},
    "from elsewhere": {"networks": (ip_network("10.0.0.0/8"),)},
    "from another family": {"networks": (ip_network("2001:db8::/32"),)},
    "for longer": {"networks": (OFFICE,), "expires_at": NOON + 2 * DAY},
    "for ever": {"networks": (OFFICE,), "expires_at": None},
}


@pytest.mark.promise("P8")
@pytest.mark.parametrize("how", WIDER)
def test_an_operators_key_makes_no_wider_one_of_its_kind(house: House, how: str) -> None:
    who = house.as_narrow(networks=(OFFICE,), expires_at=NOON + DAY)
    bounds = {"expires_at": NOON + DAY, **WIDER[how]}
    with pytest.raises(CannotBeDone):
        house.do(lambda tx: keys.create(tx, who, Wanted("b", scopes=ADMIN, **bounds), at=NOON))
    callers = Wanted("a caller's", **bounds)
    assert house.do(lambda tx: keys.create(tx, who, callers, at=NOON))
    caller = house.made(callers)
    with pytest.raises(CannotBeDone):
        house.do(lambda tx: keys.change(tx, who, caller.id, {"scopes": ADMIN}, at=NOON))
    wide = house.made(Wanted("c", scopes=ADMIN, **bounds))
    with pytest.raises(CannotBeDone):
        house.do(lambda tx: keys.rotate(tx, who, wide.id, at=NOON))


def test_an_operators_key_makes_one_that_is_as_narrow(house: House) -> None:
    who = house.as_narrow(networks=(OFFICE,), expires_at=NOON + DAY)
    wanted = Wanted(
        "b", scopes=ADMIN, networks=(ip_network("10.1.7.0/24"),), expires_at=NOON + HOUR
    )
    key, _ = house.do(lambda tx: keys.create(tx, who, wanted, at=NOON))
    assert house.key_now(key).scopes == ADMIN


# -- nobody locks everybody out without a word -------------------------------------------------


LOCKS: dict[str, Callable[[Transaction, House, bool], object]] = {
    "revoked": lambda tx, house, force: keys.revoke(
        tx, house.who, house.key.id, at=NOON, force=force
    ),
    "its account closed": lambda tx, house, force: accounts.close(
        tx, house.who, house.key.account_id, at=NOON, force=force
    ),
}


@pytest.mark.parametrize("how", LOCKS)
def test_the_last_operators_key_goes_only_by_force(house: House, how: str) -> None:
    house.made(Wanted("a caller's"))
    dead = house.made(Wanted("dead", scopes=ADMIN))
    house.do(lambda tx: keys.revoke(tx, TYPIST, dead.id, at=NOON))
    with pytest.raises(CannotBeDone, match="force"):
        house.do(lambda tx: LOCKS[how](tx, house, False))
    assert house.key_now(house.key).is_valid(NOON)
    house.do(lambda tx: LOCKS[how](tx, house, True))
    assert not house.key_now(house.key).is_valid(NOON)


def test_the_last_operators_key_keeps_its_scope_but_by_force(house: House) -> None:
    other = house.as_narrow()
    assert other.key is not None
    house.do(lambda tx: keys.change(tx, other, house.key.id, {"scopes": CALLERS}, at=NOON))
    with pytest.raises(CannotBeDone, match="force"):
        house.do(lambda tx: keys.revoke(tx, house.who, other.key.id, at=NOON))


def test_whoever_types_beside_the_database_is_not_asked(house: House) -> None:
    house.do(lambda tx: keys.revoke(tx, TYPIST, house.key.id, at=NOON))
    assert not house.key_now(house.key).is_valid(NOON)


# -- what is no key ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("param", "changes"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 201}),
        ("scopes", {"scopes": frozenset()}),
        ("scopes", {"scopes": ADMIN, "is_test": True}),
        ("models", {"models": frozenset()}),
        ("networks", {"networks": ()}),
        ("networks", {"networks": (OFFICE,) * 101}),
        ("expires_at", {"expires_at": NOON}),
        ("limits.requests_per_s", {"limits": Limits(requests_per_s=-1)}),
        ("limits.queued_max", {"limits": Limits(queued_max=2**31)}),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_by_name(
    house: House, param: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue) as refused:
        house.do(lambda tx: keys.create(tx, TYPIST, replace(FILMS, **changes), at=NOON))
    assert refused.value.param == param


def test_a_key_belongs_to_an_account_that_is_there_and_open(house: House) -> None:
    account = an_account(house)
    mine = replace(FILMS, account_id=account.id)
    key = house.made(mine)
    house.do(lambda tx: accounts.close(tx, TYPIST, account.id, at=NOON))
    assert state_of(house.key_now(key), NOON) == "closed"
    with pytest.raises(CannotBeDone, match="is closed"):
        house.made(mine)
    with pytest.raises(ObjectNotFound):
        house.made(replace(FILMS, account_id="acct_nobody"))
    house.do(lambda tx: accounts.reopen(tx, TYPIST, account.id, at=NOON))
    assert state_of(house.key_now(key), NOON) == "valid"


def test_the_first_account_is_made_with_the_first_key_and_has_a_name_of_its_own(
    house: House,
) -> None:
    [account] = house.store.read_now(lambda tx: tx.accounts())
    assert (account.id, account.name) == (DEFAULT_ACCOUNT_ID, "default")


def test_an_expired_key_can_be_renamed_and_prolonged(house: House) -> None:
    key, later = house.made(Wanted("a", expires_at=NOON + HOUR)), NOON + DAY
    house.do(lambda tx: keys.change(tx, TYPIST, key.id, {"name": "b"}, at=later))
    with pytest.raises(InvalidValue):
        house.do(lambda tx: keys.change(tx, TYPIST, key.id, {"expires_at": later}, at=later))
    house.do(lambda tx: keys.change(tx, TYPIST, key.id, {"expires_at": None}, at=later))
    assert house.key_now(key).is_valid(later)


def test_limits_that_are_not_named_stay(house: House) -> None:
    key = house.made(replace(FILMS, limits=Limits(requests_per_s=5, queued_max=9)))
    changes = {"limits": {"requests_per_s": None, "in_flight_max": 2}}
    changed = house.do(lambda tx: keys.change(tx, TYPIST, key.id, changes, at=NOON))
    assert changed.limits == Limits(in_flight_max=2, queued_max=9)


def test_a_revoked_key_stays_as_it_is(house: House) -> None:
    key = house.made()
    house.do(lambda tx: keys.revoke(tx, TYPIST, key.id, at=NOON))
    with pytest.raises(CannotBeDone, match="is revoked"):
        house.do(lambda tx: keys.change(tx, TYPIST, key.id, {"name": "b"}, at=NOON))
    assert (
        house.do(lambda tx: keys.revoke(tx, TYPIST, key.id, at=NOON + HOUR))[0].revoked_at == NOON
    )


def test_a_key_that_somebody_else_changed_meanwhile_is_left_alone(house: House) -> None:
    key = house.made()

    class Behind:
        """Reads the key as it was a moment ago."""

        def __init__(self, tx: Transaction) -> None:
            self.tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self.tx, name)

        def key(self, key_id: str) -> Key:
            return replace(a_key(), id=key_id)

    with pytest.raises(CannotBeDone, match="at this moment"):
        house.do(lambda tx: keys.change(Behind(tx), TYPIST, key.id, {"name": "b"}, at=NOON))
