"""The conformance kit, with one pair and with several."""

from __future__ import annotations

import pytest
from thurn_testing.contracts.tls import check_tls


@pytest.fixture
def trust(authority, tmp_path):
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


async def test_one_pair(opened, issue, trust):
    names = ["mx.example.com", "mail.example.com"]
    async with opened(**issue("mx", *names)) as (provider, _):
        await check_tls(provider, trust=trust, names=names)


async def test_several_pairs(opened, issue, trust):
    others = [issue("net", "mx.example.net"), issue("wild", "*.example.com", "other.example")]
    async with opened(**issue("mx", "mx.example.com"), certificates=others) as (provider, _):
        names = ["mx.example.com", "mx.example.net", "a.example.com", "other.example"]
        await check_tls(provider, trust=trust, names=[*names, "A.EXAMPLE.com", "MX.example.NET"])
