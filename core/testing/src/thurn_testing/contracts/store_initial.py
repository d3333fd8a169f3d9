r"""Store kit: the mailboxes that a new account gets by the store's settings.

    mailboxes = {"INBOX": "", "Sent": "\\Sent"}
    await check_initial_mailboxes(make, mailboxes, directory=tmp_path)

Settings are each store's own, so the caller says what those of `make` name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trio

from thurn_testing.contracts.expectation import checking, expect_equal
from thurn_testing.contracts.storesite import HostsOf, MakeStore, OpenStore, StoreSite, plain_hosts


async def check_initial_mailboxes(
    make: MakeStore,
    mailboxes: Mapping[str, str],
    *,
    directory: Path,
    hosts: HostsOf | None = None,
    durable: bool = True,
) -> None:
    """Check that a new account has these mailboxes, all of them subscribed, and gets them once.

    Args:
        make: opens the store on a context, with settings that name the mailboxes.
        mailboxes: the special use of each by its name, "" for none; INBOX is one of them, and so is
            at least one other.
        directory: where the site is made.
        hosts: as of `check_store`.
        durable: False for a store that forgets when it is closed.

    Raises:
        AssertionError: a promise was broken.
    """
    site = StoreSite(make, hosts or plain_hosts(), directory, durable=durable)
    removed = next(name for name in mailboxes if name != "INBOX")
    with checking("store", check_initial_mailboxes):
        async with site.open() as opened:
            async with trio.open_nursery() as nursery:
                for _ in range(3):  # a delivery and two logins, at the same time
                    nursery.start_soon(opened.account)
            await _expect(opened, mailboxes)
            await (await opened.account()).delete(removed)
            await (await opened.account()).subscribe(removed, False)
            rest = {name: use for name, use in mailboxes.items() if name != removed}
            await _expect(opened, rest)
        if durable:
            async with site.open() as opened:
                await _expect(opened, rest)


async def _expect(opened: OpenStore, mailboxes: Mapping[str, str]) -> None:
    account = await opened.account()
    expect_equal(
        {one.name: "".join(one.special_use) for one in await account.mailboxes()},
        dict(mailboxes),
        "an account has the mailboxes of the settings until it removes them",
    )
    expect_equal(
        sorted(await account.subscriptions()), sorted(mailboxes), "they are subscribed at first"
    )
