"""The four smallest plugins, as an author writes and checks them."""

from __future__ import annotations

import pytest
from thurn.contracts.account import Denied, Verified
from thurn.contracts.sasl import Challenge, NeedVerify, SaslConditions
from thurn.plugin import (
    Accept,
    Continue,
    Message,
    Reject,
    Settings,
    message_filter,
    relay_policy,
    sasl,
    sasl_mechanism,
    sender_policy,
)
from thurn.types.errors import PluginError
from thurn.types.identity import AccountId
from thurn_testing.checks import check_filter, check_relay, check_sender
from thurn_testing.fakes.context import FakeContext


class Words(Settings):
    words: tuple[str, ...]


@message_filter("words")
def words(message: Message, config: Words) -> Reject | None:
    subject = message.header("subject").lower()
    if any(word in subject for word in config.words):
        return Reject("words.subject", "Your subject is not welcome here")
    return None


@relay_policy("elsewhere")
async def elsewhere(recipient):
    return Accept("test") if recipient.address.domain == "elsewhere.example" else None


@sender_policy("no-bounces")
def no_bounces(sender):
    return Reject("test.null") if sender is None else None


@sasl_mechanism("TWO-STEPS", plaintext=True)
def two_steps():
    name = yield from sasl.receive(b"Name:")
    secret = yield from sasl.receive(b"Secret:")
    return (yield from sasl.verify(sasl.text(name), secret))


async def test_a_filter():
    config = {"words": ["viagra"]}
    refused = await check_filter(words, b"Subject: =?utf-8?q?VIAGRA?=\r\n\r\n", config=config)
    assert refused.reason == "words.subject"
    assert await check_filter(words, b"Subject: hello\r\n\r\n", config=config) == Continue()


async def test_a_relay_policy():
    assert await check_relay(elsewhere) == Accept("test")
    assert await check_relay(elsewhere, "x@other.example") == Continue()


async def test_a_sender_policy():
    assert await check_sender(no_bounces, None) == Reject("test.null")
    assert await check_sender(no_bounces) == Continue()


@pytest.mark.parametrize("right", [True, False])
async def test_a_mechanism(tmp_path, right):
    context = FakeContext(tmp_path)
    async with two_steps.open(two_steps.settings(), context) as product:
        (mechanism,) = product.mechanisms
        exchange = mechanism.begin(SaslConditions(secured=True))
        assert next(exchange) == Challenge(b"Name:")
        assert exchange.send(b"alice") == Challenge(b"Secret:")
        asked = exchange.send(b"pw")
        assert isinstance(asked, NeedVerify)
        assert (asked.claim.name, asked.claim.secret.reveal()) == ("alice", "pw")
        with pytest.raises(StopIteration) as ended:
            exchange.send(Verified(AccountId("alice")) if right else Denied())
    assert hasattr(ended.value.value, "authcid") is right


async def test_a_malformed_response_is_told_apart(tmp_path):
    async with two_steps.open(two_steps.settings(), FakeContext(tmp_path)) as product:
        exchange = product.mechanisms[0].begin(SaslConditions(secured=True))
        next(exchange)
        exchange.send(b"a\0b")
        with pytest.raises(StopIteration) as ended:
            exchange.send(b"pw")
    assert ended.value.value.malformed


def test_a_wrong_signature_is_a_start_up_error_with_file_and_line():
    with pytest.raises(PluginError, match=r"test_smallest_plugins\.py:\d+: .*'mesage'"):

        @message_filter("wrong")
        def wrong(mesage):
            return None
