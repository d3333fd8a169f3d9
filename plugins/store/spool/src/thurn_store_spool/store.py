"""The product: opens accounts, and owns its records in the commit log."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import trio
from thurn.plugin import INBOX, AccountId, Context, Identity, Record
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
from thurn_store_spool.layout import ACCOUNTS, INDEX, account_of
from thurn_store_spool.log.change import commit
from thurn_store_spool.log.replay import replay
from thurn_store_spool.log.settle import settle
from thurn_store_spool.upkeep.upkeep import Upkeep
from thurn_store_spool.watch.watch import ChangeWatch


class SpoolStore:
    """See `thurn.contracts.store.MailStore` and `thurn.contracts.commitlog.Owner`."""

    def __init__(
        self,
        context: Context,
        separator: str,
        accounts_open: int,
        mailboxes: Sequence[InitialMailbox] = (),
    ) -> None:
        self._mailboxes = mailboxes
        self._data = context.data
        self._log = context.commit_log
        self._upkeep = Upkeep(context.clock, context.diagnostics)
        self._caches = Caches(context.data)
        self._pool = Pool(context.data, accounts_open, self._upkeep, self._caches.closed)
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
            caches=self._caches,
            bodies=Bodies(context.commit_log.read),
            shared=SharedBodies(),
            draw=draw,
            sweep=self._upkeep.sweep,
        )

    async def open(self, account: AccountId, identity: Identity | None) -> SpoolAccount:
        """The account as this identity sees it; it is made at first need."""
        await trio.lowlevel.checkpoint_if_cancelled()
        index = self._pool.index(account)
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

    def replay(self, records: Sequence[Record]) -> None:
        """Apply to the indexes what they lack."""
        replay(self._environment, records)

    def settle(self, records: Iterable[Record]) -> None:
        """Bring bodies to their files."""
        settle(self._data, self._log.read, records)

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
    """The account's id by its index."""
    connection = open_second(path)
    if connection is None:
        return None
    try:
        row = select_one(connection, "SELECT id FROM account")
    finally:
        connection.close()
    return AccountId(row[0]) if row else None
