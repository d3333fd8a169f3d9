"""The product: opens accounts, and is the owner of its records in the commit log."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import trio
from thurn.plugin import INBOX, AccountId, Context, Identity, Record

from thurn_store_spool import shape
from thurn_store_spool.account import SpoolAccount
from thurn_store_spool.body import Bodies
from thurn_store_spool.change import commit
from thurn_store_spool.environment import Environment
from thurn_store_spool.keeper import Keeper
from thurn_store_spool.place import ACCOUNTS, INDEX, account_of
from thurn_store_spool.pool import Pool
from thurn_store_spool.query import select_one
from thurn_store_spool.replay import replay
from thurn_store_spool.schema import open_reader
from thurn_store_spool.settle import settle
from thurn_store_spool.shared import SharedBodies
from thurn_store_spool.watch import Watch


class SpoolStore:
    """See `thurn.contracts.store.MailStore` and `thurn.contracts.commitlog.Owner`."""

    def __init__(self, context: Context, separator: str, accounts_open: int) -> None:
        self._data = context.data
        self._log = context.commit_log
        self._keeper = Keeper(context.clock, context.diagnostics)
        keeper = self._keeper
        self._pool = Pool(
            context.data,
            accounts_open,
            keeper.close_later,
            keeper.opened,
            keeper.grown,
            keeper.logged,
        )
        # Seeded here, after the fork: two workers must not draw the same numbers.
        draw = _draw(random.SystemRandom().getrandbits(256))
        self._watch = Watch(context.data, context.name, context.state.notices, draw)
        self._watch.open()
        self._environment = Environment(
            name=context.name,
            separator=separator,
            commit_log=context.commit_log,
            clock=context.clock,
            watch=self._watch,
            diagnostics=context.diagnostics,
            pool=self._pool,
            bodies=Bodies(context.commit_log.read),
            shared=SharedBodies(),
            draw=draw,
            sweep=self._keeper.sweep,
        )

    async def open(self, account: AccountId, identity: Identity | None) -> SpoolAccount:
        """The account as this identity sees it; made at first need."""
        await trio.lowlevel.checkpoint_if_cancelled()
        index = self._pool.index(account)
        if not index.is_made:
            with index.snapshot() as connection:
                index.is_made = INBOX in index.tree(connection).by_name
        if not index.is_made:
            await commit(index, self._environment, shape.make_account)
            index.is_made = True
        return SpoolAccount(index, self._environment, identity)

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
        """Close, remove and prune, and watch, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keeper.run)
            nursery.start_soon(self._watch.run)

    async def close(self) -> None:
        """Close all indexes."""
        await self._keeper.finish(self._pool.close())
        self._watch.close()


def _draw(seed: int) -> Callable[[], int]:
    bits = random.Random(seed).getrandbits  # noqa: S311 - unique, not secret
    return lambda: bits(63)


def list_accounts(data: Path) -> list[AccountId]:
    """The accounts below a store's directory, in no order; blocking."""
    found: list[AccountId] = []
    for path in data.glob(f"{ACCOUNTS}/*/*/{INDEX}"):
        account = account_of(path.parent)
        if account is None:
            account = _recorded_account(path)
        if account is not None:
            found.append(account)
    return found


def _recorded_account(path: Path) -> AccountId | None:
    connection = open_reader(path)
    if connection is None:
        return None
    try:
        row = select_one(connection, "SELECT id FROM account")
    finally:
        connection.close()
    return AccountId(row[0]) if row else None
