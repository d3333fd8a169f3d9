from __future__ import annotations

import pytest
from thurn_store_spool.factory import SpoolSettings, spool
from thurn_testing.contracts.store import check_store


@pytest.mark.parametrize("level", ["basic", "concurrent"])
async def test_contract(level, tmp_path):
    config = SpoolSettings()
    await check_store(lambda context: spool.open(config, context), level=level, directory=tmp_path)
