from __future__ import annotations

import pytest
from thurn_store_spool.factory import SpoolSettings, spool
from thurn_testing.contracts.loghost import log_hosts
from thurn_testing.contracts.store import check_store
from thurn_testing.contracts.store_initial import check_initial_mailboxes


@pytest.mark.parametrize("level", ["basic", "concurrent"])
async def test_contract(level, tmp_path):
    config = SpoolSettings()
    await check_store(lambda context: spool.open(config, context), level=level, directory=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["basic", "concurrent"])
async def test_contract_on_the_real_log(level, tmp_path):
    config = SpoolSettings(accounts_open=4)
    await check_store(
        lambda context: spool.open(config, context),
        level=level,
        directory=tmp_path,
        hosts=log_hosts(),
    )


async def test_the_mailboxes_of_a_new_account(tmp_path):
    config = SpoolSettings(
        mailboxes=[
            {"name": "INBOX"},
            {"name": "Sent", "use": "sent"},
            {"name": "a"},
            {"name": "a/b"},
        ]
    )
    await check_initial_mailboxes(
        lambda context: spool.open(config, context),
        {"INBOX": "", "Sent": "\\Sent", "a": "", "a/b": ""},
        directory=tmp_path,
        durable=True,
    )
