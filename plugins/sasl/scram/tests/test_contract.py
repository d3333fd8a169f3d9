"""The conformance kit, for all four mechanisms."""

from __future__ import annotations

import pytest
from thurn.plugin import AccountId, SaslProduct, Secret, StoredKey
from thurn_sasl_scram.factory import ScramSettings, scram
from thurn_sasl_scram.mechanism import ScramMechanism
from thurn_sasl_scram.storedkey import Faker
from thurn_testing.contracts.sasl import Dialogue, check_sasl
from thurn_testing.fakes.context import FakeContext
from thurn_testing.scram import ScramClient, stored_text

NAMES = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1")
BOUND = {"tls-server-end-point": b"hash of the certificate"}
FAKER = Faker(b"secret", 4096)


def dialogue(mechanism):
    name, password = "älice, the =1", "pass word §"
    stored = StoredKey(AccountId("a1"), Secret(stored_text(mechanism.scheme, password)))
    binding = BOUND["tls-server-end-point"] if mechanism.channel_binding else b""
    client = ScramClient(mechanism.mechanism, name, password, authzid="boss", binding=binding)
    return Dialogue((client.first, client.final), name, None, "boss", stored, BOUND)


@pytest.mark.slow
def test_contract():
    mechanisms = [ScramMechanism(name, FAKER, plus_offered=True) for name in NAMES]
    check_sasl(SaslProduct(tuple(mechanisms)), {m.mechanism: dialogue(m) for m in mechanisms})


async def test_what_is_offered(tmp_path):
    context = FakeContext(tmp_path)
    async with scram.open(ScramSettings(), context) as product:
        assert [m.mechanism for m in product.mechanisms] == ["SCRAM-SHA-256"]
    async with scram.open(ScramSettings(mechanisms=NAMES), context) as product:
        assert tuple(m.mechanism for m in product.mechanisms) == NAMES
        assert not any(m.plaintext for m in product.mechanisms)
        assert [bool(m.channel_binding) for m in product.mechanisms] == [True, False] * 2
    assert (scram.role, scram.type_name) == ("sasl", "scram")
