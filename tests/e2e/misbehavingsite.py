"""A site with one plugin that misbehaves, in this process."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from misbehaving import ACCOUNTS, LET_GO, NEVER
from thurn_testing.server import open_server

FILTER = {"listener": {"mx": {"filters": ["bad"]}}, "filter": {"bad": {"type": "bad"}}}
ACCOUNT = {"site": {"accounts": ["main", "bad"]}, "account": {"bad": {"type": "bad"}}}
LATE = "no answer within 0.2 s"


def merged(below, above):
    """Tables laid over tables."""
    if isinstance(below, dict) and isinstance(above, dict):
        keys = {**below, **above}
        return {k: merged(below.get(k), above[k]) if k in above else below[k] for k in keys}
    return above


@pytest.fixture
def opened(tmp_path):
    """A site with one plugin; its server, a peer, and what the plugins' events said."""

    @asynccontextmanager
    async def one(site, *plugins):
        (tmp_path / "accounts.toml").write_text(ACCOUNTS)
        (tmp_path / "accounts.toml").chmod(0o600)
        tables = {
            "site": {
                "hostname": "mx.example",
                "accounts": ["main"],
                "store": "main",
                "state": "main",
            },
            "state": {"main": {"type": "memory"}},
            "account": {"main": {"type": "file", "file": "accounts.toml"}},
            "store": {"main": {"type": "memory"}},
            "listener": {"mx": {"type": "smtp", "profile": "mx", "bind": ["127.0.0.1:0"]}},
        }
        NEVER.set(trio.Event())
        async with open_server(merged(tables, site), tmp_path, plugins=plugins) as server:
            failures = []
            server.site.events.subscribe(failures.append)
            try:
                with trio.fail_after(30):
                    yield server, failures
            finally:
                LET_GO.set()
                NEVER.get().set()

    LET_GO.clear()
    return one
