"""What each command does: one function a command, all in one table.

Rules of this file:
1. A function is only called in a state that allows its command. It answers by itself and returns
   None, or returns the event that the listener must answer.
2. `CommandError` refuses; the engine says so and counts it. "No such message" is not an error of
   the session: a client may well ask for what it has just deleted.

This file knows no buffer and no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire.pop3 import capability, command, reply
from thurn_wire.pop3.command import CommandError, Verb
from thurn_wire.pop3.event import (
    AuthStart,
    DigestLogin,
    Event,
    PasswordLogin,
    Quit,
    Reason,
    Retrieve,
    StartTls,
    Top,
)
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import ResponseCode
from thurn_wire.pop3.session import Session

Action: TypeAlias = Callable[[Session, bytes], Event | None]


def contents(maildrop: Maildrop) -> str:
    """How much is in it, for people."""
    return f"{maildrop.count} messages ({maildrop.octets} octets)"


def user(session: Session, argument: bytes) -> None:
    """USER name. RFC 1939 §7."""
    if not session.offer.user:
        # RFC 3206 §4: [AUTH] covers an attempt that the site's policy forbids.
        more = "; STLS first" if session.stls_possible else ""
        raise CommandError(f"USER is not offered{more}", ResponseCode.AUTHENTICATION)
    session.name = command.text(argument)
    session.move(Verb.USER)
    # RFC 1939 §7 (USER): +OK for unknown names too, so that nobody learns which exist.
    session.write(reply.ok("password, please"))


def password(session: Session, argument: bytes) -> Event:
    """PASS string. RFC 1939 §7."""
    given = command.text(argument)
    session.move(Verb.PASS)
    return PasswordLogin(session.name, given)


def apop(session: Session, argument: bytes) -> Event:
    """APOP name digest. RFC 1939 §7."""
    if not session.offer.apop:
        raise CommandError("APOP is not offered", ResponseCode.AUTHENTICATION)
    name, digest = command.digest(argument)
    session.move(Verb.APOP)
    return DigestLogin(name, digest)


def auth(session: Session, argument: bytes) -> Event | None:
    """AUTH mechanism [initial-response]. RFC 5034 §4."""
    if not argument.strip(b" "):
        # Not in RFC 5034: older Outlook asks for the mechanisms this way. Like CAPA, no login.
        session.move(Verb.CAPA)
        names = "".join(f"{name}\r\n" for name in session.offer.mechanisms)
        session.write_list("mechanisms", names.encode("ascii"))
        return None
    mechanism, initial = command.mechanism(argument)
    if mechanism not in session.offer.mechanisms:
        more = "; STLS first" if session.stls_possible else ""
        raise CommandError(f"the mechanism is not offered{more}")
    session.move(Verb.AUTH)
    return AuthStart(mechanism, initial)


def stls(session: Session, argument: bytes) -> Event:
    """STLS. RFC 2595 §4."""
    command.no_argument(argument)
    if not session.stls_possible:
        # RFC 2595 §4: not a second time.
        raise CommandError("TLS is up" if session.secured else "STLS is not offered")
    session.move(Verb.STLS)
    return StartTls()


def capa(session: Session, argument: bytes) -> None:
    """CAPA. RFC 2449 §5."""
    command.no_argument(argument)
    block = capability.lines(session.config, session.offer, stls=session.stls_possible)
    session.move(Verb.CAPA)
    session.write_list("capabilities", block)


def end(session: Session, argument: bytes) -> Event | None:
    """QUIT. RFC 1939 §4, §6."""
    command.no_argument(argument)
    session.move(Verb.QUIT)
    if session.logged_in:
        return Quit(session.maildrop.deleted)
    session.reason = Reason.QUIT
    session.write(reply.ok("bye"))
    return None


def stat(session: Session, argument: bytes) -> None:
    """STAT. RFC 1939 §5."""
    command.no_argument(argument)
    session.write(b"+OK %d %d\r\n" % (session.maildrop.count, session.maildrop.octets))


def listing(session: Session, argument: bytes) -> None:
    """LIST [number]. RFC 1939 §5."""
    maildrop = session.maildrop
    number = command.optional_number(argument)
    if number is None:
        session.write_list(contents(maildrop), maildrop.listing())
    elif maildrop.exists(number):
        session.write(b"+OK %d %d\r\n" % (number, maildrop.size(number)))
    else:
        _no_such_message(session)


def uid_listing(session: Session, argument: bytes) -> None:
    """UIDL [number]. RFC 1939 §7."""
    maildrop = session.maildrop
    number = command.optional_number(argument)
    if number is None:
        session.write_list("unique-ids", maildrop.uid_listing())
    elif maildrop.exists(number):
        session.write(reply.ok(f"{number} {maildrop.uid(number)}"))
    else:
        _no_such_message(session)


def retrieve(session: Session, argument: bytes) -> Event | None:
    """RETR number. RFC 1939 §5."""
    number = command.number(argument)
    if not session.maildrop.exists(number):
        return _no_such_message(session)
    session.move(Verb.RETR)
    return Retrieve(number)


def top(session: Session, argument: bytes) -> Event | None:
    """TOP number lines. RFC 1939 §7."""
    number, lines = command.two_numbers(argument)
    if not session.maildrop.exists(number):
        return _no_such_message(session)
    session.move(Verb.TOP)
    return Top(number, lines)


def delete(session: Session, argument: bytes) -> None:
    """DELE number: only a mark; QUIT removes. RFC 1939 §5."""
    number = command.number(argument)
    if session.maildrop.delete(number):
        session.write(b"+OK message %d deleted\r\n" % number)
    else:
        _no_such_message(session)


def nothing(session: Session, argument: bytes) -> None:
    """NOOP. RFC 1939 §5."""
    command.no_argument(argument)
    session.write(reply.OK_LINE)


def reset(session: Session, argument: bytes) -> None:
    """RSET: all marks away. RFC 1939 §5."""
    command.no_argument(argument)
    session.maildrop.reset()
    session.write(reply.ok(contents(session.maildrop)))


def _no_such_message(session: Session) -> Event | None:
    session.write(reply.error("no such message"))
    return None


ACTIONS: Final[Mapping[Verb, Action]] = {
    Verb.USER: user,
    Verb.PASS: password,
    Verb.APOP: apop,
    Verb.AUTH: auth,
    Verb.STLS: stls,
    Verb.CAPA: capa,
    Verb.QUIT: end,
    Verb.STAT: stat,
    Verb.LIST: listing,
    Verb.RETR: retrieve,
    Verb.DELE: delete,
    Verb.NOOP: nothing,
    Verb.RSET: reset,
    Verb.TOP: top,
    Verb.UIDL: uid_listing,
}
