"""Stored keys have the form of RFC 5803, and are made from main passwords only."""

from __future__ import annotations

import base64

import pytest
from thurn.plugin import Claim, Denied, Secret, StoredKeyQuery, Verified
from thurn_account_sqlite.changes.account import Properties, add_account
from thurn_account_sqlite.changes.credential import add_app_password, set_main
from thurn_account_sqlite.changes.domain import add_domain
from thurn_account_sqlite.stored import Stored, make_stored
from thurn_kit import scram
from thurn_kit.accounts import parse_hash

SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
PENCIL = (
    f"SCRAM-SHA-256$4096:{SALT}$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)
OWNER = (1, "id", "alice")


def test_the_example_of_the_standard(monkeypatch):
    """RFC 7677 §3: the password is "pencil"."""
    monkeypatch.setattr(scram.os, "urandom", lambda count: base64.b64decode(SALT))
    assert scram.make_stored_key("SCRAM-SHA-256", "pencil", 4096) == PENCIL
    assert scram.scheme_of(PENCIL) == "SCRAM-SHA-256"


@pytest.mark.parametrize("text", ["", PENCIL[1:], PENCIL.replace("256", "512"), PENCIL + "\n"])
def test_texts_that_are_not_stored_keys(text):
    assert scram.scheme_of(text) is None


def fill(change, stored):
    add_domain(change, "example.org", separator=None, postmaster=None)
    add_account(change, Properties("alice"), ["alice@example.org"], "id")
    set_main(change, OWNER, stored)


async def key(accounts, scheme="SCRAM-SHA-256"):
    found = await accounts.stored_key(StoredKeyQuery("Alice@example.org", scheme))
    return None if found == Denied() else found.value.reveal()


async def login(accounts, secret):
    return await accounts.verify(Claim("alice", Secret(secret), service="imap"))


async def test_the_setting_chooses_the_mechanisms(opened, change):
    async with opened() as (accounts, _):
        await change(accounts, fill, make_stored("pencil", ("SCRAM-SHA-1",), 5000))
        assert await key(accounts) is None
        assert (await key(accounts, "SCRAM-SHA-1")).startswith("SCRAM-SHA-1$5000:")
        assert "$5000:" not in repr(await accounts.stored_key(StoredKeyQuery("alice", "x")))


async def test_missing_keys_are_made_at_a_login(opened, change):
    async with opened(scram=("SCRAM-SHA-256", "SCRAM-SHA-1")) as (accounts, _):
        await change(accounts, fill, make_stored("pencil", (), 4096))
        assert await key(accounts) is None
        assert await login(accounts, "pencil") == Verified("id")
        assert (await key(accounts)).startswith("SCRAM-SHA-256$10000:")
        assert (await key(accounts, "SCRAM-SHA-1")).startswith("SCRAM-SHA-1$10000:")


async def test_no_keys_are_made_without_upgrade(opened, change):
    async with opened(upgrade=False) as (accounts, _):
        await change(accounts, fill, make_stored("pencil", (), 4096))
        assert await login(accounts, "pencil") == Verified("id")
        assert await key(accounts) is None


async def test_app_passwords_have_no_keys(opened, change):
    async with opened() as (accounts, _):
        await change(accounts, fill, make_stored("pencil", ("SCRAM-SHA-256",), 4096))
        before = await key(accounts)
        await change(accounts, add_app_password, OWNER, "x", "a$b", services=None, expires=None)
        assert await key(accounts) == before


async def test_a_password_that_cannot_be_prepared(opened, change):
    secret = "\U0001f600 smile"
    stored = make_stored(secret, ("SCRAM-SHA-256",), 4096)
    assert not stored.keys
    async with opened() as (accounts, _):
        await change(accounts, fill, stored)
        for _ in range(2):
            assert await login(accounts, secret) == Verified("id")
        assert await key(accounts) is None


async def test_the_same_password_from_another_keyboard(opened, change):
    async with opened() as (accounts, _):
        await change(accounts, fill, make_stored("Über", ("SCRAM-SHA-256",), 4096))
        assert await login(accounts, "U\u0308ber") == Verified("id")


async def test_an_imported_hash_is_compared_with_the_octets_received(opened, change):
    async with opened(upgrade=False) as (accounts, _):
        hashed = make_stored("U\u0308ber", (), 4096)  # prepared: of "Über"
        await change(accounts, fill, Stored(parse_hash(hashed.password.value)))
        assert await login(accounts, "Über") == Verified("id")
        assert await login(accounts, "U\u0308ber") != Verified("id")
