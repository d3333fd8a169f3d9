"""Certificate files, issued by an authority of the test."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trustme
from thurn_testing.contracts.tls import careless_client, handshake
from thurn_testing.fakes.context import FakeContext
from thurn_tls_files.factory import files
from thurn_tls_files.settings import FilesSettings


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def issue(authority, tmp_path):
    """`issue(stem, *names)` writes stem.pem and stem.key."""

    def issue(stem, *names, suffix=""):
        issued = authority.issue_cert(*names)
        chain, key = tmp_path / f"{stem}.pem", tmp_path / f"{stem}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        key.chmod(0o600)
        return {"certificate": chain, "key": key}

    return issue


@pytest.fixture
def opened(tmp_path):
    """`async with opened(**settings) as (provider, context)`."""

    @asynccontextmanager
    async def opened(**settings):
        context = FakeContext(tmp_path / "data", name="tls.main")
        async with files.open(FilesSettings(**settings), context) as provider:
            yield provider, context

    return opened


@pytest.fixture
def served():
    """The certificate that a name gets."""

    def served(provider, name=None):
        return handshake(provider.server_context(), careless_client(), name).certificate

    return served
