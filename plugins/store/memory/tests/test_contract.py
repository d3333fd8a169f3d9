from __future__ import annotations

import pytest
from thurn_store_memory.factory import MemorySettings, memory
from thurn_testing.contracts.store import check_store
from thurn_testing.contracts.store_initial import check_initial_mailboxes


@pytest.mark.parametrize("level", ["basic", "concurrent"])
async def test_contract(level, tmp_path):
    config = MemorySettings()
    await check_store(
        lambda context: memory.open(config, context), level=level, directory=tmp_path, durable=False
    )


async def test_the_mailboxes_of_a_new_account(tmp_path):
    config = MemorySettings(
        mailboxes=[
            {"name": "INBOX"},
            {"name": "Sent", "use": "sent"},
            {"name": "a"},
            {"name": "a/b"},
        ]
    )
    await check_initial_mailboxes(
        lambda context: memory.open(config, context),
        {"INBOX": "", "Sent": "\\Sent", "a": "", "a/b": ""},
        directory=tmp_path,
        durable=False,
    )
