"""The conformance kit."""

from __future__ import annotations

from thurn_testing.contracts.tls import check_tls
from thurn_testing.fakes.context import FakeContext
from thurn_tls_selfsigned.factory import SelfSignedSettings, selfsigned

NAMES = ["mx.example.org", "localhost", "127.0.0.1", "::1", "mail.example.org", "192.0.2.7"]


async def test_contract(tmp_path):
    settings = SelfSignedSettings(names=("mail.example.org", "192.0.2.7"))
    async with selfsigned.open(settings, FakeContext(tmp_path)) as provider:
        assert provider.certificate == tmp_path / "certificate.pem"
        await check_tls(provider, trust=provider.certificate, names=NAMES)
