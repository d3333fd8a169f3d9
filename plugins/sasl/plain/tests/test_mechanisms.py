"""The grammar and the bounds of PLAIN (RFC 4616) and LOGIN (its draft)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn.plugin import NoSettings, SaslFailure, SaslSuccess
from thurn_sasl_plain.factory import login, plain
from thurn_testing.contracts.sasl import play, yes
from thurn_testing.fakes.context import FakeContext


@pytest.fixture
async def mechanisms(tmp_path):
    context = FakeContext(tmp_path)
    async with plain.open(NoSettings(), context) as one, login.open(NoSettings(), context) as two:
        yield one.mechanisms[0], two.mechanisms[0]


def start(mechanism, *responses):
    return play(mechanism, responses, judge=yes)


async def test_the_grammar_of_plain(mechanisms):
    # The examples of RFC 4616 §4.
    played = start(mechanisms[0], b"\0tim\0tanstaaftanstaaf")
    assert (played.result.authcid, played.result.authzid) == ("tim", "")
    assert played.challenges == [b""]
    played = start(mechanisms[0], b"Ursel\0Kurt\0xipj3plmq")
    assert (played.result.authcid, played.result.authzid) == ("Kurt", "Ursel")
    assert played.claims[0].secret.reveal() == "xipj3plmq"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"alice",
        b"alice\0secret",
        b"\0alice\0",
        b"\0\0secret",
        b"\0\0",
        b"\0",
        b"\0\0\0",
        b"\0alice\0secret\0",
        b"\0alice\0sec\0ret",
        b"a\0b\0c\0d\0e",
        b"\0alice\0\xff",
        b"\0\xc3\0secret",
        b"\xff\0alice\0secret",
        b"\0ali\nce\0secret",
        b"\0alice\0sec\rret",
        b"a\x7f\0alice\0secret",
        b"\0\xed\xa0\x80\0secret",
        b"\0" + b"a" * 1025 + b"\0secret",
        b"\0alice\0" + b"x" * 4097,
        b"a" * 1025 + b"\0alice\0secret",
        b"\0" * 65_536,
    ],
)
async def test_what_plain_refuses_as_malformed(mechanisms, message):
    result = start(mechanisms[0], message).result
    assert isinstance(result, SaslFailure)
    assert result.malformed
    assert "secret" not in result.reason


async def test_the_bounds_of_plain(mechanisms):
    message = b"a" * 1024 + b"\0" + b"b" * 1024 + b"\0" + b"c" * 4096
    assert isinstance(start(mechanisms[0], message).result, SaslSuccess)


async def test_the_prompts_of_login(mechanisms):
    played = start(mechanisms[1], b"alice", b"secret")
    assert played.challenges == [b"Username:", b"Password:"]
    assert isinstance(played.result, SaslSuccess)


@pytest.mark.parametrize(
    "responses", [(b"", b"x"), (b"alice", b""), (b"\xff", b"x"), (b"a\0b", b"x"), (b"a", b"x\0y")]
)
async def test_what_login_refuses_as_malformed(mechanisms, responses):
    result = start(mechanisms[1], *responses).result
    assert isinstance(result, SaslFailure)
    assert result.malformed


@pytest.mark.slow
async def test_any_three_parts(mechanisms):
    text = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", codec="utf-8"))

    @settings(max_examples=50, deadline=None)
    @given(text, text.filter(bool), text.filter(bool))
    def holds(authzid, authcid, password):
        played = start(mechanisms[0], f"{authzid}\0{authcid}\0{password}".encode())
        assert (played.result.authzid, played.result.authcid) == (authzid, authcid)
        assert played.claims[0].secret.reveal() == password

    holds()


async def test_the_types_are_the_entry_points():
    assert (plain.role, plain.type_name) == ("sasl", "plain")
    assert (login.role, login.type_name) == ("sasl", "login")
