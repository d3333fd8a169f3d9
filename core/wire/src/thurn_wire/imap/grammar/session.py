"""Commands about the session: CAPABILITY, NOOP, LOGOUT, ID, STARTTLS, AUTHENTICATE, LOGIN, ENABLE,
NAMESPACE, IDLE, and all others without arguments.

    authenticate = "AUTHENTICATE" SP mechanism [ SP ( base64 / "=" ) ]
    login        = "LOGIN" SP astring SP astring
    enable       = "ENABLE" 1*( SP atom )
    id           = "ID" SP ( "NIL" / "(" [ string SP nstring *( SP string SP nstring ) ] ")" )

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
    """RFC 2971 §3.1, with its bounds of §3.3."""
    cursor.space()
    if cursor.peek_word() == b"NIL":
        cursor.word()
        return Id()
    return Id(tuple(cursor.items(_id_field, limits.ID_PAIRS, "fields of ID")))


def _id_field(cursor: Cursor) -> tuple[str, str | None]:
    name = cursor.string("a field name")
    cursor.space()
    value = cursor.nstring()
    if len(name) > limits.ID_FIELD_OCTETS or len(value or b"") > limits.ID_VALUE_OCTETS:
        cursor.refuse("field of ID too long")
    return cursor.text(name), None if value is None else cursor.text(value)
