"""A power cut: the next start makes from the log what the disk has lost, and nothing twice.

Figures are for contrib/bench/recovery.py; here is that it is right.
"""

from __future__ import annotations

import shutil

import pytest
from clients import fetch, lmtp
from running import running
from thurn_testing.server import open_server

pytestmark = pytest.mark.slow

MESSAGES = 30


def fill(site):
    for number in range(MESSAGES):
        message = f"Subject: n{number}\r\n\r\n".encode() + (b"y" * 78 + b"\r\n") * 40
        whom = ["alice@example.org", "bob@example.org"][number % 2 :]
        assert lmtp(site.port("lmtp"), "x@example.net", whom, message) == {}


def mailboxes(site):
    return {account: fetch(site.port("pop3s"), account) for account in ("alice", "bob")}


def forget_boot(site):
    """What another boot does to the mark."""
    (site.data / "log" / "recovered").write_text("another boot")


def lose_rows(site):
    """None of the indexes' pages had reached the disk."""
    forget_boot(site)
    shutil.rmtree(site.data / "store" / "main" / "accounts")


@pytest.mark.parametrize("cut", [forget_boot, lose_rows])
async def test_what_was_acknowledged_is_there_once_with_its_unique_id(tmp_path, cut):
    with running(tmp_path) as site:
        fill(site)
        before = mailboxes(site)
        assert [len(found) for found in before.values()] == [MESSAGES // 2, MESSAGES]
        site.kill()
        cut(site)
        site.start()
        assert mailboxes(site) == before
        assert site.events("log.recovered")
        fill(site)
        after = mailboxes(site)
        for account, found in before.items():
            assert len(after[account]) == 2 * len(found)
            assert found.items() <= after[account].items()
        assert not site.events("worker.ended")
        site.stop()
        async with open_server(site.tables, tmp_path) as server:  # sooner ready than processes
            assert await server.in_thread(mailboxes, site) == after
