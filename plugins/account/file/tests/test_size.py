"""Reading ten thousand accounts takes linear time."""

from __future__ import annotations

import time

import pytest
from thurn.plugin import Address, Local

HASH = "$argon2id$v=19$m=19456,t=2,p=1$YWJjZGVmZ2hpamtsbW5vcA$YWJjZGVmZ2hpamtsbW5vcGFiY2RlZmdoaWo"


@pytest.mark.slow
async def test_many_accounts_are_read_fast(opened):
    text = 'domains = ["example.org"]\n' + "".join(
        f'[accounts.u{n}]\npassword = "{HASH}"\n'
        f'addresses = ["u{n}@example.org", "first.last{n}@example.org"]\n'
        for n in range(10_000)
    )
    started = time.process_time()
    async with opened(text) as (accounts, _):
        elapsed_seconds = time.process_time() - started
        assert await accounts.resolve(Address.parse("u9999+x@example.org")) == Local("u9999", "x")
    assert elapsed_seconds < 20  # 0.6 on a small machine; a quadratic reader takes minutes
