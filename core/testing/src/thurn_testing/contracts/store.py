"""The conformance kit of stores: what every listener, filter and search plugin relies on.

    async def test_contract(tmp_path):
        await check_store(lambda context: spool.open(config, context), directory=tmp_path)

Each check has a site of its own. Level "concurrent" needs "basic" to pass first. Deposits are
committed as the host does it, so a store may put its changes into the commit log, or have none and
store in `commit`. A store that hangs breaks the promise that is being checked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias

from thurn_testing.contracts.expectation import checking
from thurn_testing.contracts.store_account import ACCOUNT_CHECKS
from thurn_testing.contracts.store_append import APPEND_CHECKS
from thurn_testing.contracts.store_change import CHANGE_CHECKS
from thurn_testing.contracts.store_concurrent import CONCURRENT_CHECKS
from thurn_testing.contracts.store_tree import TREE_CHECKS
from thurn_testing.contracts.storesite import HostsOf, MakeStore, StoreSite, plain_hosts

Check: TypeAlias = Callable[[StoreSite], Awaitable[None]]

LEVELS: Final[dict[str, Sequence[Check]]] = {
    "basic": (*APPEND_CHECKS, *CHANGE_CHECKS, *TREE_CHECKS, *ACCOUNT_CHECKS),
    "concurrent": CONCURRENT_CHECKS,
}


async def check_store(
    make: MakeStore,
    *,
    level: Literal["basic", "concurrent"] = "basic",
    directory: Path | None = None,
    hosts: HostsOf | None = None,
    durable: bool = True,
    only: str = "",
) -> None:
    """Check that a store keeps the promises of `thurn.contracts.store`.

    Args:
        make: opens the store on a context; called again to reopen it, or for another worker.
        level: "basic", or "concurrent" for many tasks at once.
        directory: where sites are made; None for a temporary one.
        hosts: contexts with a commit log of the caller's choice; None for a plain one in memory.
        durable: False for a store that forgets when it is closed.
        only: run the checks whose names contain this.

    Raises:
        AssertionError: a promise was broken; a note names the check.
    """
    if directory is None:
        with TemporaryDirectory() as temporary:
            await check_store(
                make,
                level=level,
                directory=Path(temporary),
                hosts=hosts,
                durable=durable,
                only=only,
            )
        return
    for number, check in enumerate(LEVELS[level]):
        name = getattr(check, "__name__", repr(check))
        if only not in name:
            continue
        place = directory / f"{level}-{number}"
        place.mkdir(mode=0o700)
        with checking("store", check):
            await check(StoreSite(make, hosts or plain_hosts(), place, durable=durable))
