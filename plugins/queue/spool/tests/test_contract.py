from __future__ import annotations

import pytest
from thurn.plugin import NoSettings
from thurn_queue_spool.factory import spool
from thurn_testing.contracts.loghost import log_hosts
from thurn_testing.contracts.queue import check_queue

HOSTS = {"plain": None, "real": log_hosts()}


@pytest.mark.parametrize("hosts", HOSTS)
@pytest.mark.parametrize("level", ["entries", "leases"])
async def test_contract(level, hosts, tmp_path):
    await check_queue(
        lambda context: spool.open(NoSettings(), context),
        level=level,
        directory=tmp_path,
        hosts=HOSTS[hosts],
    )
