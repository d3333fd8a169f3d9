"""The kit of login mechanisms: a sound one passes, and each broken one is found."""

from __future__ import annotations

import hmac
import secrets
from itertools import count

import pytest
from thurn.plugin import AccountId, Secret, StoredKey, sasl, sasl_mechanism
from thurn_testing.contracts.sasl import Dialogue, check_sasl
from thurn_testing.fakes.context import FakeContext

KEY = "key of alice"
STORED = StoredKey(AccountId("alice"), Secret(KEY))
NUMBERS = count()


def fresh():
    return secrets.token_hex(8).encode()


def proof(challenge):
    return b"alice " + hmac.digest(KEY.encode(), challenge, "sha256").hex().encode()


def dialogue(**changes):
    return Dialogue(**{"responses": (proof,), "name": "alice", "stored": STORED, **changes})


def challenging(make_challenge=fresh, **broken):
    """A mechanism that sends a challenge and checks the proof, unless it is broken."""

    @sasl_mechanism("X-PROOF", plaintext=broken.get("plaintext", False))
    def mechanism():
        challenge = make_challenge()
        response = yield from sasl.receive(challenge)
        name, _, given = response.partition(b" ")
        key = yield from sasl.stored_key(sasl.text(name), "x")
        if key is None and "asks_again" in broken:
            yield from sasl.receive(b"who?")
        if key is None and "malformed" in broken:
            raise sasl.Malformed("nobody")
        value = KEY if key is None else key.value.reveal()
        wanted = hmac.digest(value.encode(), challenge, "sha256").hex().encode()
        if "raises" in broken and not given:
            raise ValueError("of the mechanism")
        if "trusts" not in broken and not hmac.compare_digest(wanted, given):
            return sasl.SaslFailure("credentials")
        if key is None:
            return sasl.SaslFailure("credentials")
        octets = value.encode() if "tells" in broken else b""
        who = broken.get("name", sasl.text(name))
        return sasl.SaslSuccess(who, data=octets, verdict=sasl.Verified(key.account))

    return mechanism


async def check(mechanism, given=None):
    async with mechanism.open(mechanism.settings(), FakeContext(None)) as product:
        check_sasl(product, {"X-PROOF": given or dialogue()})


async def test_a_mechanism_that_keeps_the_contract_passes():
    await check(challenging())


BROKEN = [
    ("the octets of an earlier login", challenging(lambda: b"always the same")),
    ("what nobody has stored proves nothing", challenging(asks_again=True)),
    ("an unknown name is not malformed", challenging(malformed=True)),
    ("what is stored is not told", challenging(tells=True)),
    ("a success says who it was", challenging(name="bob")),
    ("raises ValueError", challenging(raises=True)),
    ("what is denied never succeeds|an earlier login", challenging(trusts=True)),
]


@pytest.mark.parametrize(("promise", "mechanism"), BROKEN, ids=[promise for promise, _ in BROKEN])
async def test_what_breaks_the_contract_is_found(promise, mechanism):
    with pytest.raises(AssertionError, match=promise):
        await check(mechanism)


async def test_an_unknown_name_that_is_asked_otherwise_each_time_is_found():
    """As where the salt of a name that nobody has is made anew."""

    @sasl_mechanism("X-PROOF", plaintext=False)
    def mechanism():
        nonce = fresh()
        name = sasl.text((yield from sasl.receive()))
        key = yield from sasl.stored_key(name, "x")
        salt = b"%08d" % (0 if key else next(NUMBERS))
        given = yield from sasl.receive(nonce + salt)
        wanted = hmac.digest(KEY.encode(), nonce + salt, "sha256")
        if key is None or not hmac.compare_digest(wanted, given):
            return sasl.SaslFailure("credentials")
        return sasl.SaslSuccess(name, verdict=sasl.Verified(key.account))

    def last(challenge):
        return hmac.digest(KEY.encode(), challenge, "sha256")

    with pytest.raises(AssertionError, match="the same each time where a known one is"):
        await check(mechanism, dialogue(responses=(b"alice", last)))


async def test_a_response_that_cannot_be_made_is_no_failure_of_the_mechanism():
    def picky(challenge):
        assert len(challenge) == 16
        return proof(challenge)

    await check(challenging(), dialogue(responses=(picky,)))
