"""The conformance kit."""

from __future__ import annotations

from thurn.plugin import NoSettings
from thurn_sasl_plain.factory import login, plain
from thurn_testing.contracts.sasl import Dialogue, check_sasl
from thurn_testing.fakes.context import FakeContext

PLAIN = Dialogue(("boss\0älice\0pass word §".encode(),), "älice", "pass word §", "boss")
LOGIN = Dialogue(("älice".encode(), "pass word §".encode()), "älice", "pass word §")


async def test_plain(tmp_path):
    async with plain.open(NoSettings(), FakeContext(tmp_path)) as product:
        check_sasl(product, {"PLAIN": PLAIN})


async def test_login(tmp_path):
    async with login.open(NoSettings(), FakeContext(tmp_path)) as product:
        check_sasl(product, {"LOGIN": LOGIN})
