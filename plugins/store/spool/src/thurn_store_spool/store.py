"""The product: opens accounts, and owns its records in the commit log."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import apsw
import trio
from thurn.plugin import (
    INBOX,
    AccountId,
    Context,
    Identity,
    ReadBlob,
    Record,
    StatusValue,
    Unapplied,
)
from thurn_kit.mailboxes import InitialMailbox

from thurn_store_spool.account import tree
from thurn_store_spool.account.handle import SpoolAccount
from thurn_store_spool.body.reading import Bodies
from thurn_store_spool.body.sharing import SharedBodies
from thurn_store_spool.cache.caches import Caches
from thurn_store_spool.environment import Environment, OpenAccount
from thurn_store_spool.index.pool import Pool
from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.schema import open_second
from thurn_store_spool.index.trouble import TroubleError, Troubles
from thurn_store_spool.layout import ACCOUNTS, INDEX, account_of
from thurn_store_spool.log.change import commit
from thurn_store_spool.log.mend import Mender
from thurn_store_spool.log.renew import renew
from thurn_store_spool.log.replay import replay
from thurn_store_spool.log.restore import restore
from thurn_store_spool.log.settle import settle
from thurn_store_spool.upkeep.upkeep import Upkeep
from thurn_store_spool.watch.watch import ChangeWatch

NAMED_TROUBLES: Final = 5
"""Accounts in trouble that `thurn status` names; the directory of their notes has all."""


class SpoolStore:
    """See `thurn.contracts.store.MailStore` and `thurn.contracts.commitlog.RestoringOwner`."""

    def __init__(
        self,
        context: Context,
        separator: str,
        accounts_open: int,
        mailboxes: Sequence[InitialMailbox] = (),
    ) -> None:
        self._mailboxes = mailboxes
        self._data = context.data
        self._upkeep = Upkeep(context.clock, context.diagnostics, context.commit_log.distrust)
        self._caches = Caches(context.data)
        self._troubles = Troubles(
            context.data,
            lambda account: context.commit_log.is_aside(context.name, account),
            context.clock,
            context.diagnostics,
        )
        self._pool = Pool(
            context.data, accounts_open, self._upkeep, self._caches.closed, self._troubles
        )
        # Seeded here, after the fork: two workers must not draw the same numbers.
        draw = _draw(random.SystemRandom().getrandbits(256))
        self._watch = ChangeWatch(context.data, context.name, context.state.notices, draw)
        self._watch.open()
        self._environment = Environment(
            name=context.name,
            separator=separator,
            commit_log=context.commit_log,
            clock=context.clock,
            watch=self._watch,
            diagnostics=context.diagnostics,
            pool=self._pool,
            troubles=self._troubles,
            caches=self._caches,
            bodies=Bodies(context.commit_log.read),
            shared=SharedBodies(),
            draw=draw,
            sweep=self._upkeep.sweep,
        )
        self._mender = Mender(self._environment)

    async def open(self, account: AccountId, identity: Identity | None) -> SpoolAccount:
        """The account as this identity sees it; it is made at first need.

        Raises:
            StorageTrouble: the account is in trouble, and nobody else is.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        index = self._pool.index(account)
        if self._mender.is_needed(index):
            await self._mender.mend(index)
        caches = self._caches.of(index)
        opened = OpenAccount(index, caches, self._environment)
        if not caches.has_inbox:
            with index.snapshot() as connection:
                has_inbox = INBOX in index.tree(connection).by_name
            if not has_inbox:
                await commit(opened, lambda draft: tree.make_initial(draft, self._mailboxes))
            caches.has_inbox = True
        return SpoolAccount(opened, identity)

    async def accounts(self) -> Sequence[AccountId]:
        """All accounts that have mail here."""
        return await trio.to_thread.run_sync(list_accounts, self._data)

    # The owner of records.

    def renew(self, records: Sequence[Record]) -> None:
        """Write the indexes of these records' accounts to new files, durably."""
        renew(self._environment, self._data, records)

    def replay(self, records: Sequence[Record]) -> Sequence[Unapplied]:
        """Apply to the indexes what they lack."""
        return replay(self._environment, records)

    def settle(self, records: Iterable[Record]) -> Sequence[Unapplied]:
        """Bring bodies to their files."""
        return settle(self._environment, self._data, records)

    def restore(self, key: str, records: Sequence[Record], read: ReadBlob) -> None:
        """Apply what stands aside for an account; durable afterwards."""
        restore(self._environment, self._data, AccountId(key), records, read)

    # For operators.

    async def status(self) -> Mapping[str, StatusValue]:
        """How many accounts are in trouble, and what to do about the oldest."""
        troubles = await trio.to_thread.run_sync(self._troubles.all)
        facts: dict[str, StatusValue] = {"accounts_in_trouble": len(troubles)}
        if troubles:
            named = [str(trouble) for trouble in troubles[:NAMED_TROUBLES]]
            rest = len(troubles) - len(named)
            more = [f"and {rest} more, see {self._troubles.directory}"] if rest else []
            facts["warning"] = " | ".join([*named, *more])
        return facts

    # The worker's background.

    async def run(self) -> None:
        """Do the upkeep, and watch, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._upkeep.run)
            nursery.start_soon(self._watch.run)

    async def close(self) -> None:
        """Close everything."""
        await self._upkeep.finish(self._pool.close())
        self._caches.close()
        self._watch.close()
        self._troubles.close()


def _draw(seed: int) -> Callable[[], int]:
    bits = random.Random(seed).getrandbits  # noqa: S311 - unique, not secret
    return lambda: bits(63)


def list_accounts(data: Path) -> list[AccountId]:
    """The accounts below a store's directory, in no order; blocking."""
    accounts: list[AccountId] = []
    for path in data.glob(f"{ACCOUNTS}/*/*/{INDEX}"):
        account = account_of(path.parent)
        if account is None:
            account = _recorded_account(path)
        if account is not None:
            accounts.append(account)
    return accounts


def _recorded_account(path: Path) -> AccountId | None:
    """The account's id by its index; None for an index that cannot be read."""
    try:
        connection = open_second(path)
        if connection is None:
            return None
        try:
            row = select_one(connection, "SELECT id FROM account")
        finally:
            connection.close()
    except (apsw.Error, TroubleError):
        return None
    return AccountId(row[0]) if row else None
