"""The sample site of the conformance kit as a TOML file; its hashes are made once."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from thurn_account_file.factory import file
from thurn_account_file.settings import FileSettings
from thurn_kit.accounts import hash_password
from thurn_testing.contracts.account import SAMPLE
from thurn_testing.contracts.storedkey import SCRAM_HASHES, stored_key_text
from thurn_testing.fakes.context import FakeContext


@pytest.fixture(scope="session")
def hashes():
    return {account.name: hash_password(account.password).value for account in SAMPLE.accounts}


@pytest.fixture(scope="session")
def sample_toml(hashes):
    lines = [f"domains = {list(SAMPLE.domains)}"]
    for account in SAMPLE.accounts:
        lines += [
            f"[accounts.{account.name}]",
            f'password = "{hashes[account.name]}"',
            f"addresses = {list(account.addresses)}",
            f'display_name = "{account.display_name}"',
            f"groups = {sorted(account.groups)}",
            f"enabled = {str(account.enabled).lower()}",
        ]
        if account.services is not None:
            lines.append(f"services = {sorted(account.services)}")
        keys = [
            f'{s} = "{stored_key_text(s, account.password, b"0123456789abcdef", 4096)}"'
            for s in SCRAM_HASHES
        ]
        lines.append(f"stored_keys = {{{', '.join(keys)}}}")
        if account.quota_octets is not None:
            lines.append(f'quota = "{account.quota_octets // 2**20}MiB"')
    lines.append("[aliases]")
    lines += [f'"{name}" = {list(targets)}' for name, targets in SAMPLE.aliases.items()]
    return "\n".join(lines) + "\n"


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "accounts"

    def write(text, mode=0o600):
        new = path.with_suffix(".new")
        new.write_bytes(text if isinstance(text, bytes) else text.encode())
        new.chmod(mode)
        new.replace(path)
        return path

    return write


@pytest.fixture
def opened(tmp_path, write):
    """`async with opened(text, **settings) as (accounts, context)` writes and opens the file."""

    @asynccontextmanager
    async def opened(text, mode=0o600, **settings):
        context = FakeContext(tmp_path / "data", name="account.main")
        config = FileSettings(file=write(text, mode), **settings)
        async with file.open(config, context) as accounts:
            yield accounts, context

    return opened
