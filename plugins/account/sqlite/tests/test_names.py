"""Names are values, whatever characters they have, and have one normal form."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn.plugin import (
    Address,
    AddressError,
    Claim,
    Denied,
    Secret,
    StoredKeyQuery,
    Unknown,
    Verified,
)
from thurn_account_sqlite.changes.account import Properties, add_account
from thurn_account_sqlite.changes.alias import add_targets
from thurn_account_sqlite.changes.change import Change, ChangeRefused
from thurn_account_sqlite.changes.credential import set_main
from thurn_account_sqlite.changes.domain import add_domain
from thurn_account_sqlite.factory import sqlite
from thurn_account_sqlite.settings import SqliteSettings
from thurn_account_sqlite.stored import Stored
from thurn_kit.accounts import PasswordHash, name_key
from thurn_testing.fakes.context import FakeContext

STORED = Stored(PasswordHash("SSHA", "{SSHA}Y0inhK117YaH0DaKasW4ha+ijnxzYWx0c2FsdA=="))
TEXTS = st.text(min_size=1, max_size=30) | st.text("ab@.'\"%_*; -\0", min_size=1, max_size=12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(names=st.lists(TEXTS, min_size=1, max_size=4), asked=TEXTS)
def test_a_name_is_found_by_its_normal_form_only(tmp_path_factory, names, asked):
    kept = {}

    def work(connection):
        change = Change(connection, "tester", 0.0)
        add_domain(change, "example.org", separator=None, postmaster=None)
        for name in names:
            try:
                number, account = add_account(change, Properties(name), ())
            except (ChangeRefused, UnicodeEncodeError):
                continue
            set_main(change, (number, account, name), STORED)
            kept[name_key(name)] = account

    async def main():
        context = FakeContext(tmp_path_factory.mktemp("names"))
        async with sqlite.open(SqliteSettings(upgrade=False), context) as accounts:
            await accounts.database.write(work)
            for name in (*names, asked, asked.upper()):
                verdict = await accounts.verify(Claim(name, Secret("pass")))
                account = kept.get(name_key(name))
                expected = Unknown() if account is None else Verified(account)
                assert verdict == expected
                no_key = Unknown() if account is None else Denied()
                assert await accounts.stored_key(StoredKeyQuery(name, asked)) == no_key
                assert await accounts.may_act_as("nobody", name) is None
                if account is not None:
                    assert await accounts.verify(Claim(name, Secret("x"))) == Denied()
                    assert await accounts.may_act_as(account, name) == account

    trio.run(main)


@settings(max_examples=200)
@given(TEXTS)
def test_the_normal_form_is_stable(name):
    key = name_key(name)
    if key is not None:
        assert "\0" not in key
        if '"' not in name:  # a local part that must be quoted has no such form of its own
            assert name_key(key) == key
    if "@" in name:
        try:
            assert key == Address.parse(name).key
        except AddressError:
            assert key is None


async def test_what_thurn_check_reports(tmp_path, opened, fill, change):
    directory = tmp_path / "main"
    config = SqliteSettings()
    assert config.warnings(directory) == []
    assert not (directory / "accounts.db").exists()
    async with opened() as (accounts, _):
        await fill(accounts)
        assert config.warnings(directory) == []
        await change(accounts, add_targets, "info@example.org", ["gone@example.org"])
        told = "the alias info@example.org leads to gone@example.org, which nobody here has"
        assert config.warnings(directory) == [told]
    (directory / "accounts.db").write_bytes(b"x" * 5000)
    [broken] = config.warnings(directory)
    assert "not a database" in broken
