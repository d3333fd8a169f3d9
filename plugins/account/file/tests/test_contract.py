"""The conformance kit."""

from __future__ import annotations

import pytest
from thurn_testing.contracts.account import check_directory, check_verifier
from thurn_testing.contracts.storedkey import SCRAM_HASHES, check_stored_keys


@pytest.mark.slow
async def test_contract(opened, sample_toml):
    async with opened(sample_toml) as (accounts, context):
        await check_verifier(accounts)
        await check_directory(accounts)
        for scheme in SCRAM_HASHES:
            await check_stored_keys(accounts, scheme)
        assert context.diagnostics.events == []


async def test_contract_with_another_separator(opened, sample_toml):
    async with opened(sample_toml, separator="-") as (accounts, _):
        await check_directory(accounts, separator="-")


async def test_contract_without_a_separator(opened, sample_toml):
    async with opened(sample_toml, separator="") as (accounts, _):
        await check_directory(accounts, separator="")
