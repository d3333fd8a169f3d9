"""Commands as octets: what the client sends.

Rules of this file: what leaves here is one command within the limit of a command line; no argument
holds a control octet. RFC 2449 §4.
"""

from __future__ import annotations

from thurn_wire import sasl
from thurn_wire.error import LocalProtocolError
from thurn_wire.pop3 import command
from thurn_wire.pop3.command import Command
from thurn_wire.pop3.grammar import has_control
from thurn_wire.pop3.limits import COMMAND_LINE_OCTETS


def spell(request: Command) -> bytes:
    """The octets of a command, with its CRLF; see `fits` for AUTH with an initial response.

    Raises:
        LocalProtocolError: a value cannot be sent: it holds a control octet or is too long.
    """
    line = _line(request)
    if has_control(line):  # a line end in an argument would begin a second command
        raise LocalProtocolError("a control character in an argument")
    if len(line) + 2 > COMMAND_LINE_OCTETS:
        raise LocalProtocolError("the command is too long")
    return line + b"\r\n"


def fits(request: command.Auth) -> bool:
    """Whether AUTH with its initial response keeps the limit of a command line. RFC 5034 §4."""
    return len(_line(request)) + 2 <= COMMAND_LINE_OCTETS


def _line(request: Command) -> bytes:
    match request:
        case command.User(argument) | command.Pass(argument):
            words = [argument]
        case command.Apop(name, digest):
            words = [name, digest]
        case command.Auth(mechanism, None):
            words = [mechanism]
        case command.Auth(mechanism, bytes(initial)):
            words = [mechanism, sasl.encode_initial(initial).decode("ascii")]
        case command.List(int(number)) | command.Uidl(int(number)):
            words = [str(number)]
        case command.Retrieve(number) | command.Delete(number):
            words = [str(number)]
        case command.Top(number, lines):
            words = [str(number), str(lines)]
        case _:
            words = []
    return " ".join((request.STEP.value, *words)).encode()
