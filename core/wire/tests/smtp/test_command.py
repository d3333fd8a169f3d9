"""The grammar of commands: both directions agree, nothing gets into an argument."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.smtp import command
from thurn_wire.smtp.command import CommandError
from thurn_wire.smtp.error import LocalProtocolError
from thurn_wire.smtp.extension import read_keywords


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
    assert command.path_and_parameters(argument, "FROM") == (path, parameters)


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
        command.path_and_parameters(argument, "FROM")
    assert raised.value.reply.code == 501


@pytest.mark.parametrize(
    ("octets", "value"),
    [(b"0", 0), (b"007", 7), (b"9" * 19, 2**63 - 1), (b"9" * 20, 2**63 - 1), (b"9" * 21, None),
     (b"-1", None), (b"+1", None), (b"", None), (b"1 ", None), (b"\xd9\xa1", None),
     (b"1_0", None)],
)  # fmt: skip
def test_number(octets, value):
    assert command.number(octets) == value


@pytest.mark.parametrize(
    "path", [b"a>\r\nRCPT TO:<evil@x", b"a\nb", b"a\0b", b"a> SIZE=1", b"a>", b'"a', b"a\x7f"]
)
def test_no_command_gets_out_of_an_argument(path):
    with pytest.raises(LocalProtocolError):
        command.path_command("MAIL", path)
    with pytest.raises(LocalProtocolError):
        command.path_command("RCPT", b"a@b", {"X": path.decode() + "\r\nQUIT"})
    with pytest.raises(LocalProtocolError):
        command.path_command("RCPT", b"a@b", {"X Y": "1"})


@settings(max_examples=200)
@given(
    path=st.binary(max_size=20),
    parameters=st.dictionaries(
        st.text(alphabet="AB1-", min_size=1, max_size=3),
        st.none() | st.text(alphabet="ab=+ <>ü\r", max_size=4),
        max_size=3,
    ),
)
def test_path_command_comes_back_or_is_refused(path, parameters):
    try:
        line = command.path_command("RCPT", path, parameters)
    except LocalProtocolError:
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b"\r\n")
    assert command.path_and_parameters(line[5:-2], "TO") == (path, parameters)


@settings(max_examples=200)
@given(
    argument=st.binary(max_size=60), start=st.sampled_from([b"FROM:<", b'FROM:<"', b"FROM:", b""])
)
def test_only_command_errors(argument, start):
    for read in (
        lambda: command.path_and_parameters(start + argument, "FROM"),
        lambda: command.chunk_size(argument),
        lambda: command.mechanism(argument),
        lambda: command.base64(argument),
    ):
        with contextlib.suppress(CommandError):
            read()


def test_keywords():
    found = read_keywords(["size 10", "AUTH=LOGIN PLAIN", "AUTH CRAM-MD5", "", "Xyz"])
    assert found == {"SIZE": ("10",), "AUTH": ("LOGIN", "PLAIN"), "XYZ": ()}
