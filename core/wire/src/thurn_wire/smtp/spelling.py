"""Commands as octets: what the client sends.

Rules of this file: what leaves here is one command and nothing else. No argument holds a control
octet, and a path or parameter that the server's grammar would read differently is an error.

RFC 5321 §4.1.
"""

from __future__ import annotations

from thurn_wire import sasl
from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp import command
from thurn_wire.smtp.command import Command, Parameters
from thurn_wire.smtp.grammar import CONTROL, path_and_parameters
from thurn_wire.smtp.reply import CommandError


def spell(request: Command) -> bytes:
    """The octets of a command; those of BDAT with its chunk.

    Raises:
        LocalProtocolError: a value cannot be sent.
    """
    match request:
        case command.Hello(verb, name):
            return _line(verb, _word(name))
        case command.Auth(mechanism, None):
            return _line("AUTH", _word(mechanism))
        case command.Auth(mechanism, bytes(initial)):
            return _line("AUTH", _word(mechanism), sasl.encode_initial(initial))
        case command.Mail(path, parameters):
            return _path("MAIL", "FROM", path or b"", parameters)
        case command.Recipient(path, parameters):
            return _path("RCPT", "TO", path, parameters)
        case command.Chunk(octets, last):
            size = str(len(octets)).encode()
            return _line("BDAT", *((size, b"LAST") if last else (size,))) + octets
        case command.Verify(argument) | command.Expand(argument):
            return _line(request.STEP.value, _word(argument))
        case _:
            return _line(request.STEP.value)


def _line(verb: str, *words: bytes) -> bytes:
    line = b" ".join((verb.encode(), *words))
    if CONTROL.search(line):
        raise LocalProtocolError(f"{verb} with a control character in its argument")
    return line + b"\r\n"


def _word(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        raise LocalProtocolError("text that is not Unicode") from None


def _path(verb: str, word: str, path: bytes, parameters: Parameters) -> bytes:
    words = [
        _word(keyword if value is None else f"{keyword}={value}")
        for keyword, value in parameters.items()
    ]
    line = _line(verb, word.encode() + b":<" + path + b">", *words)
    try:
        read = path_and_parameters(line[len(verb) + 1 : -2], word)
    except CommandError as error:
        raise LocalProtocolError(f"{verb}: {error}") from None
    if read != (path, {keyword.upper(): value for keyword, value in parameters.items()}):
        raise LocalProtocolError(f"{verb}: the server would read another path or parameter")
    return line
