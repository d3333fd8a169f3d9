"""Commands about the session: CAPABILITY, NOOP, LOGOUT, ID, STARTTLS, AUTHENTICATE, LOGIN, ENABLE,
NAMESPACE, IDLE, and all others without arguments.

    authenticate = "AUTHENTICATE" SP mechanism [ SP ( base64 / "=" ) ]
    login        = "LOGIN" SP astring SP astring
    enable       = "ENABLE" 1*( SP atom )
    id           = "ID" SP ( "NIL" / "(" *SP [ id-pair *( 1*SP id-pair ) ] *SP ")" )
    id-pair      = ( astring / "NIL" ) 1*SP ( astring / "NIL" )

RFC 9051 §6.1 to §6.3, RFC 4959 §3, RFC 5161 §4, RFC 2971 §4.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_wire import sasl
from thurn_wire.imap import limits
from thurn_wire.imap.command import Authenticate, Command, Enable, Id, Login
from thurn_wire.imap.grammar.registry import Cursor, Parser

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=]+")


def without_arguments(command: Command) -> Parser[Command]:
    """The parser of a command that is only a word."""

    def parse(_: Cursor) -> Command:
        return command

    return parse


def authenticate(cursor: Cursor) -> Authenticate:
    """RFC 9051 §6.2.2, RFC 4959 §3."""
    cursor.space()
    mechanism = cursor.atom("a SASL mechanism")
    if len(mechanism) > sasl.MECHANISM_OCTETS:
        cursor.refuse("SASL mechanism too long")
    if cursor.at_end():
        return Authenticate(mechanism.upper())
    cursor.space()
    match = _BASE64.match(cursor.octets, cursor.position)
    if match is None:
        cursor.fail("base64")
    initial = sasl.decode_initial(match[0])
    if initial is None:
        cursor.fail("base64")
    cursor.position = match.end()
    return Authenticate(mechanism.upper(), initial)


def login(cursor: Cursor) -> Login:
    """RFC 9051 §6.2.3."""
    cursor.space()
    name = cursor.text(cursor.astring("a name"))
    cursor.space()
    return Login(name, cursor.text(cursor.astring("a password")))


def enable(cursor: Cursor) -> Enable:
    """RFC 5161 §3.1."""
    names = cursor.spaced(Cursor.atom, limits.OPTIONS, "capabilities")
    return Enable(tuple(name.upper() for name in names))


def identity(cursor: Cursor) -> Id:
    """RFC 2971 §3.1, read leniently, since nothing depends on it (§3.3): atoms for strings, more
    spaces, octets that are not UTF-8, long names and values. Number and octets are bounded."""
    cursor.space()
    if cursor.peek_word() == b"NIL":
        cursor.word()
        return Id()
    cursor.expect(b"(")
    fields: list[tuple[str, str | None]] = []
    size_octets = 0
    while not _ends(cursor):
        name, value = _id_word(cursor), None if _ends(cursor) else _id_word(cursor)
        size_octets += len(name or b"") + len(value or b"")
        if len(fields) == limits.ID_PAIRS:
            cursor.refuse("too many fields of ID")
        if size_octets > limits.ID_OCTETS:
            cursor.refuse("fields of ID too long")
        if name is not None:
            fields.append((_id_text(name), None if value is None else _id_text(value)))
    cursor.expect(b")")
    return Id(tuple(fields))


def _ends(cursor: Cursor) -> bool:
    """Read spaces; return whether the list ends behind them."""
    while cursor.skip(b" "):
        pass
    return cursor.looking_at(b")")


def _id_word(cursor: Cursor) -> bytes | None:
    begins_nil = cursor.peek_word() == b"NIL"
    word = cursor.astring("a field of ID")
    return None if begins_nil and len(word) == len(b"NIL") else word


def _id_text(octets: bytes) -> str:
    return octets.decode(errors="replace")
