"""The grammar of commands: both directions agree, nothing gets into an argument."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp import command, grammar
from thurn_wire.smtp.command import Mail, Recipient
from thurn_wire.smtp.reply import CommandError
from thurn_wire.smtp.spelling import spell
from thurn_wire.smtp.state import COMMANDS, Step


@pytest.mark.parametrize(
    ("argument", "path", "parameters"),
    [
        (b"FROM:<a@b>", b"a@b", {}),
        (b"from: <a@b>", b"a@b", {}),
        (b"FROM:<>", b"", {}),
        (b"FROM:<a@b> SIZE=1 X", b"a@b", {"SIZE": "1", "X": None}),
        (b'FROM:<"a>b"@c> X=y', b'"a>b"@c', {"X": "y"}),
        (b'FROM:<"a\\">b"@c>', b'"a\\">b"@c', {}),
        (b"FROM:<a\\>b@c>", b"a\\>b@c", {}),
        (b"FROM:<@x,@y:a@b>", b"@x,@y:a@b", {}),
        ("FROM:<ü@b> ORCPT=ü".encode(), "ü@b".encode(), {"ORCPT": "ü"}),
    ],
)
def test_path(argument, path, parameters):
    assert grammar.path_and_parameters(argument, "FROM") == (path, parameters)


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"FROM:",
        b"FROM:<",
        b"FROM:a",
        b"FROM:a@b>",
        b"FROM:<a@b>>",
        b"FROM:<a@b>x",
        b"TO:<a>",
        b"FROM:  <a>",
        b'FROM:<"a>',
        b"FROM:<a\\>",
        b"FROM:<<a>>",
        b"FROM:<a> \xff",
        b"FROM:<a> X=\xff",
        b"FROM:<a> -X",
        b"FROM:<a> X=",
        b"FROM:<a> X=1 x=2",
    ],
)
def test_no_path(argument):
    with pytest.raises(CommandError) as raised:
        grammar.path_and_parameters(argument, "FROM")
    assert raised.value.reply.code == 501


@pytest.mark.parametrize(
    ("octets", "value"),
    [(b"0", 0), (b"007", 7), (b"9" * 19, 2**63 - 1), (b"9" * 20, 2**63 - 1), (b"9" * 21, None),
     (b"-1", None), (b"+1", None), (b"", None), (b"1 ", None), (b"\xd9\xa1", None),
     (b"1_0", None)],
)  # fmt: skip
def test_number(octets, value):
    assert grammar.number(octets) == value


@pytest.mark.parametrize(
    "path", [b"a>\r\nRCPT TO:<evil@x", b"a\nb", b"a\0b", b"a> SIZE=1", b"a>", b'"a', b"a\x7f"]
)
def test_no_command_gets_out_of_an_argument(path):
    with pytest.raises(LocalProtocolError):
        spell(Mail(path))
    with pytest.raises(LocalProtocolError):
        spell(Recipient(b"a@b", {"X": path.decode() + "\r\nQUIT"}))
    with pytest.raises(LocalProtocolError):
        spell(Recipient(b"a@b", {"X Y": "1"}))


@settings(max_examples=200)
@given(
    path=st.binary(max_size=20),
    parameters=st.dictionaries(
        st.text(alphabet="AB1-", min_size=1, max_size=3),
        st.none() | st.text(alphabet="ab=+ <>ü\r", max_size=4),
        max_size=3,
    ),
)
def test_a_path_comes_back_or_is_refused(path, parameters):
    try:
        line = spell(Recipient(path, parameters))
    except LocalProtocolError:
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b"\r\n")
    assert grammar.path_and_parameters(line[5:-2], "TO") == (path, parameters)


@settings(max_examples=200)
@given(
    argument=st.binary(max_size=60), start=st.sampled_from([b"FROM:<", b'FROM:<"', b"FROM:", b""])
)
def test_only_command_errors(argument, start):
    for read in (
        lambda: grammar.path_and_parameters(start + argument, "FROM"),
        lambda: grammar.chunk_size(argument),
        lambda: grammar.mechanism(argument),
        lambda: grammar.response(argument),
    ):
        with contextlib.suppress(CommandError):
            read()


SPELLINGS = {
    command.Hello("EHLO", "c"): b"EHLO c\r\n",
    command.StartTls(): b"STARTTLS\r\n",
    command.Auth("PLAIN"): b"AUTH PLAIN\r\n",
    command.Auth("PLAIN", b""): b"AUTH PLAIN =\r\n",
    command.Auth("PLAIN", b"\0a"): b"AUTH PLAIN AGE=\r\n",
    command.Data(): b"DATA\r\n",
    command.Chunk(b"a\nb", last=False): b"BDAT 3\r\na\nb",
    command.Chunk(b"", last=True): b"BDAT 0 LAST\r\n",
    command.Reset(): b"RSET\r\n",
    command.Verify("x y"): b"VRFY x y\r\n",
    command.Expand("list"): b"EXPN list\r\n",
    command.Help(): b"HELP\r\n",
    command.Noop(): b"NOOP\r\n",
    command.Quit(): b"QUIT\r\n",
}


@pytest.mark.parametrize("request_", SPELLINGS, ids=repr)
def test_spelling(request_):
    assert spell(request_) == SPELLINGS[request_]


def test_every_command_of_the_table_can_be_sent():
    written = {request.STEP for request in SPELLINGS} | {Step.MAIL, Step.RCPT}
    assert written == set(COMMANDS)
