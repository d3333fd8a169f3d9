"""Accounts that settings name, by login name, address or id; unknown names are logged."""

from __future__ import annotations

import pytest
from thurn.plugin import TemporaryFailure
from thurn_kit.named import LOOK_SECONDS, named_accounts
from thurn_testing.fakes.account import Names
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given

ID = "5f0c9a"


@pytest.fixture
def directory():
    return Names({"alice": ID, "alice@example.org": ID})


@pytest.fixture
def context(tmp_path, directory):
    clock = ManualClock()
    return FakeContext(tmp_path, clock=clock, given=Given(directory=directory))


def warnings(context):
    return [line.facts for line in context.diagnostics.lines]


@pytest.mark.parametrize("name", ["alice", "alice@example.org", ID])
async def test_a_name_an_address_or_an_id(context, name):
    named = await named_accounts([name, "bob"], context, "accounts")
    assert await named.has(ID)
    assert not await named.has("other")
    assert warnings(context) == [{"name": "bob", "source": "test.toml:2"}]
    assert context.diagnostics.events == ["settings.account_unknown"]


async def test_an_empty_list_names_nobody(tmp_path):
    named = await named_accounts((), FakeContext(tmp_path), "accounts")
    assert not await named.has(ID)


async def test_a_command_without_accounts_logs_nothing(context, directory):
    context.serving = False
    directory.accounts.clear()
    await named_accounts(["alice"], context, "accounts")
    assert warnings(context) == []


async def test_new_and_renamed_accounts_count_without_a_reload(context, directory):
    named = await named_accounts(["bob"], context, "accounts")
    assert not await named.has("b0b")
    directory.accounts["bob"] = "b0b"
    context.clock.advance(LOOK_SECONDS)
    assert await named.has("b0b")
    del directory.accounts["bob"]
    assert await named.has("b0b")
    context.clock.advance(LOOK_SECONDS)
    assert not await named.has("b0b")
    assert len(warnings(context)) == 2  # at the start, and again after the account is gone


async def test_a_failing_directory_permits_nobody_and_does_not_prevent_the_start(
    context, directory, monkeypatch
):
    async def down(name):
        raise TemporaryFailure("down")

    with monkeypatch.context() as patched:
        patched.setattr(directory, "find_account", down)
        named = await named_accounts(["alice"], context, "accounts")
        with pytest.raises(TemporaryFailure):
            await named.has(ID)
    assert await named.has(ID)
