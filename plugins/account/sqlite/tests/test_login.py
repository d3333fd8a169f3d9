"""Logins: app passwords, their services, and the notes that a login makes."""

from __future__ import annotations

from contextlib import asynccontextmanager

import apsw
import pytest
import trio
from passlib import hash as schemes
from thurn.plugin import Address, Claim, Denied, Local, Secret, TemporaryFailure, Unknown, Verified
from thurn_account_sqlite import accounts as module
from thurn_account_sqlite import apppassword, listing
from thurn_account_sqlite.accounts import USED_SECONDS
from thurn_account_sqlite.changes.account import Properties, add_account, set_account
from thurn_account_sqlite.changes.credential import (
    add_app_password,
    remove_main,
    revoke_app_password,
    set_main,
)
from thurn_account_sqlite.changes.domain import add_domain
from thurn_account_sqlite.database import BUSY_SECONDS
from thurn_account_sqlite.stored import Stored
from thurn_kit.accounts import NOBODY, PasswordHash, parse_hash

OWNER = (1, "id", "alice")
PHONE = apppassword.make_app_password()


@pytest.fixture
def alice(opened, change):
    """`async with alice(**options of the app password)`: an account with one, and no main one."""

    @asynccontextmanager
    async def alice(services=None, expires=None, **settings):
        async with opened(**settings) as (accounts, context):
            await change(accounts, add_domain, "example.org", separator=None, postmaster=None)
            await change(accounts, add_account, Properties("alice"), ["alice@example.org"], "id")
            value = apppassword.hash_app_password(PHONE)
            await change(
                accounts,
                add_app_password,
                OWNER,
                "phone",
                value,
                services=services,
                expires=expires,
            )
            yield accounts, context

    return alice


async def login(accounts, secret, service="imap"):
    return await accounts.verify(Claim("alice", Secret(secret), service=service))


def test_new_app_passwords_have_140_bits_and_are_easy_to_read():
    made = {apppassword.make_app_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(text) == 34 and text.count("-") == 6 for text in made)
    assert apppassword.CHARACTERS * 5 >= 128
    assert not set("".join(made)) & set("ilou")


async def test_an_app_password_may_be_typed_in_any_case_and_grouping(alice, quick):
    async with alice() as (accounts, _):
        for text in (PHONE, PHONE.upper(), PHONE.replace("-", ""), PHONE.replace("-", " ")):
            assert await login(accounts, text) == Verified("id", "phone")
        alike = PHONE.replace("0", "o").replace("1", "l")
        assert await login(accounts, alike) == Verified("id", "phone")
        assert quick == []
        wrong = PHONE[:-1] + ("0" if PHONE[-1] != "0" else "1")
        for text in (wrong, PHONE[:-1], PHONE + "0", "-" * 28, "a" * 28, "\u00e9" * 28):
            assert await login(accounts, text) == Denied()
        assert quick == [True] * 6  # as long as if there was a main password


async def test_an_unknown_name_costs_what_most_accounts_cost(alice, change, monkeypatch):
    judged = []
    real = PasswordHash.matches

    def matches(self, password):
        judged.append(self.kind)
        return real(self, password)

    monkeypatch.setattr(PasswordHash, "matches", matches)
    usual = PasswordHash("SHA512-CRYPT", schemes.sha512_crypt.using(rounds=1000).hash("secret"))
    nobody = Claim("nobody", Secret("wrong"), "password", "imap")
    async with alice() as (accounts, _):
        for _ in range(2):
            await accounts.verify_nobody(nobody)
        assert judged == [NOBODY.kind] * 2
        judged.clear()
        await change(accounts, set_main, OWNER, Stored(usual))
        assert await login(accounts, "wrong") == Denied()
        await accounts.verify_nobody(nobody)
        assert judged == ["SHA512-CRYPT 1000"] * 2
        judged.clear()
        await accounts.verify_nobody(Claim("nobody", Secret("x"), "oauth2", "imap"))
        assert judged == []


async def test_an_account_without_any_password_is_unknown(alice, change):
    async with alice() as (accounts, _):
        await change(accounts, revoke_app_password, OWNER, "phone")
        assert await login(accounts, PHONE) == Unknown()


async def test_an_account_is_found_by_its_login_name_or_address(alice):
    async with alice() as (accounts, _):
        for name in ("alice", "ALICE"):
            assert await accounts.find_account(name) == "id"
        assert await accounts.find_account("nobody") is None


async def test_an_app_password_is_for_its_services_only(alice):
    async with alice(services=frozenset({"imap", "pop3"})) as (accounts, _):
        assert await login(accounts, PHONE) == Verified("id", "phone")
        assert await login(accounts, PHONE, "submission") == Denied("credential.service")
        assert await login(accounts, PHONE, "") == Denied("credential.service")


async def test_an_app_password_expires(alice, clock):
    async with alice(expires=clock.wall() + 60) as (accounts, _):
        clock.advance(59)
        assert await login(accounts, PHONE) == Verified("id", "phone")
        clock.advance(1)
        assert await login(accounts, PHONE) == Denied("credential.expired")


async def test_a_disabled_account_gets_mail_and_cannot_log_in(alice, change):
    async with alice() as (accounts, _):
        await change(accounts, set_account, 1, "id", Properties("alice", enabled=False))
        assert await login(accounts, PHONE) == Denied("account.disabled")
        assert await login(accounts, "x" * 8) == Denied()
        assert await accounts.resolve(Address.parse("alice@example.org")) == Local("id")


async def test_last_use_is_noted_once_a_day(alice, clock, change):
    async def used(accounts):
        (entry,) = await accounts.database.read(lambda c: listing.credentials(c, 1))
        return entry["last_used"]

    async with alice() as (accounts, _):
        assert await used(accounts) is None
        await login(accounts, PHONE)
        first = await used(accounts)
        assert first == listing.moment(clock.wall())
        clock.advance(USED_SECONDS - 1)
        await login(accounts, PHONE)
        assert await used(accounts) == first
        clock.advance(1)
        await login(accounts, PHONE)
        assert await used(accounts) == listing.moment(clock.wall())


async def test_a_process_that_does_not_serve_notes_nothing(alice, monkeypatch):
    async with alice() as (accounts, _):
        monkeypatch.setattr(accounts, "_serving", False)
        assert await login(accounts, PHONE) == Verified("id", "phone")
        (entry,) = await accounts.database.read(lambda c: listing.credentials(c, 1))
        assert entry["last_used"] is None


async def test_a_login_succeeds_if_its_notes_cannot_be_written(alice, monkeypatch):
    async with alice() as (accounts, context):

        async def write(work, *, durable, patience_seconds):
            raise TemporaryFailure("full")

        monkeypatch.setattr(accounts.database, "write", write)
        assert await login(accounts, PHONE) == Verified("id", "phone")
        assert context.diagnostics.events == ["accounts.not_noted"]


@pytest.mark.parametrize("main", ["{SSHA512}", "$6$"])
async def test_an_old_hash_is_renewed_at_the_first_login(alice, change, main):
    maker = schemes.ldap_salted_sha512 if main == "{SSHA512}" else schemes.sha512_crypt
    options = {} if main == "{SSHA512}" else {"rounds": 1000}
    async with alice() as (accounts, _):
        old = parse_hash(maker.using(**options).hash("Überlänge"))
        await change(accounts, set_main, OWNER, Stored(old))
        assert await login(accounts, "uberlange") == Denied()
        assert await login(accounts, "Überlänge") == Verified("id")
        entry, _ = await accounts.database.read(lambda c: listing.credentials(c, 1))
        assert entry["scheme"] == "ARGON2ID"
        assert await login(accounts, "Überlänge") == Verified("id")
        newest, *_ = await accounts.database.read(lambda c: listing.history(c, "alice", 10))
        assert (newest["action"], newest["who"]) == ("password.renewed", "login")
        assert newest["facts"] == {"scheme": "ARGON2ID", "stored_keys": ["SCRAM-SHA-256"]}


async def test_a_password_that_was_changed_meanwhile_stays(alice, change, stored, monkeypatch):
    async with alice() as (accounts, _):
        old = parse_hash(schemes.ldap_salted_sha512.hash("old"))
        await change(accounts, set_main, OWNER, Stored(old))
        renew = module.renew_main

        def late(connection, *rest):
            connection.execute(
                "UPDATE credential SET value = ? WHERE label = 'main'",
                (stored["alice"].password.value,),
            )
            assert not renew(connection, *rest)

        monkeypatch.setattr(module, "renew_main", late)
        assert await login(accounts, "old") == Verified("id")
        (value,) = await accounts.database.read(
            lambda c: c.execute("SELECT value FROM credential WHERE label = 'main'").fetchone()
        )
        assert value == stored["alice"].password.value


async def test_changes_are_seen_at_once(alice, opened, change, stored):
    async with alice() as (accounts, _), opened() as (other, _):
        assert await login(accounts, "correct horse battery staple") == Denied()
        await change(other, set_main, OWNER, stored["alice"])
        assert await login(accounts, "correct horse battery staple") == Verified("id")
        await change(other, remove_main, OWNER)
        assert await login(accounts, "correct horse battery staple") == Denied()
        await change(other, revoke_app_password, OWNER, "phone")
        assert await login(accounts, PHONE) == Unknown()


async def test_the_revision_changes_with_every_change_but_a_login(opened, change):
    async with opened() as (accounts, _), opened() as (other, _):
        await change(accounts, add_domain, "example.org", separator=None, postmaster=None)
        first = await other.revision()
        assert await other.revision() == first
        await change(accounts, add_domain, "example.net", separator=None, postmaster=None)
        assert await other.revision() != first


async def test_logins_do_not_wait_for_a_long_change(alice, change, stored, monkeypatch, clock):
    """An import locks the file for seconds; the notes of a login can be made by the next one."""
    async with alice() as (accounts, _):
        await change(accounts, set_main, OWNER, stored["alice"])
        clock.advance(2 * USED_SECONDS)
        other = apsw.Connection(str(accounts.database.path))
        other.execute("BEGIN IMMEDIATE")
        started = trio.current_time()
        with trio.fail_after(100):
            async with trio.open_nursery() as nursery:
                for _ in range(8):
                    nursery.start_soon(login, accounts, PHONE)
        assert trio.current_time() - started < BUSY_SECONDS
        other.execute("ROLLBACK")
        other.close()
        assert await login(accounts, PHONE) == Verified("id", "phone")
        shown = await accounts.database.read(lambda c: listing.credentials(c, 1))
        assert all(one["last_used"] for one in shown if one["label"] == "phone")
