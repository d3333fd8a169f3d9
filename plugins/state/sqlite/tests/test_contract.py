"""The conformance kit; two contexts on one directory are two workers with a file and sockets."""

from __future__ import annotations

from thurn.plugin import NoSettings
from thurn_state_sqlite.factory import sqlite
from thurn_testing.contracts.state import check_state


async def test_contract(tmp_path):
    await check_state(lambda context: sqlite.open(NoSettings(), context), tmp_path)
