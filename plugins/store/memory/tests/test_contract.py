from __future__ import annotations

import pytest
from thurn_store_memory.factory import MemorySettings, memory
from thurn_testing.contracts.store import check_store


@pytest.mark.parametrize("level", ["basic", "concurrent"])
async def test_contract(level, tmp_path):
    config = MemorySettings()
    await check_store(
        lambda context: memory.open(config, context), level=level, directory=tmp_path, durable=False
    )
