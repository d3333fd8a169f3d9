"""What the server does for each command: one function a command, all in one table.

Rules of this file:
1. A function is called only in a state that allows its command. It returns the event that the
   session has to answer, or answers by itself and returns None.
2. `CommandError` refuses the command. "No such message" does not count as an error: a client may
   well ask for what it has just deleted.

This file knows no buffer and no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire.event import Reason
from thurn_wire.pop3 import capability, command, event, grammar
from thurn_wire.pop3.event import Event
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import ResponseCode, error, ok, refusal
from thurn_wire.pop3.session import Session
from thurn_wire.pop3.state import Step

Action: TypeAlias = Callable[[Session, bytes], Event | None]

_NO_SUCH_MESSAGE: Final = error("no such message").encode()
_OK: Final = ok().encode()


def contents(maildrop: Maildrop) -> str:
    """The contents of a maildrop in words."""
    return f"{maildrop.count} messages ({maildrop.octets} octets)"


def name(session: Session, argument: bytes) -> None:
    """USER name. RFC 1939 §7."""
    if not session.offer.user:
        # RFC 3206 §4: [AUTH] covers an attempt that the policy of the site forbids.
        more = "; STLS first" if session.starttls_possible else ""
        raise refusal(f"USER is not offered{more}", ResponseCode.AUTHENTICATION)
    session.name = grammar.text(argument)
    session.move(Step.USER)
    # RFC 1939 §7 (USER): +OK for unknown names too, so that nobody learns which exist.
    session.say(ok("password, please"))


def password(session: Session, argument: bytes) -> Event:
    """PASS string. RFC 1939 §7."""
    login = event.PasswordLogin(session.name, grammar.text(argument))
    session.awaiting = Step.PASS
    return login


def apop(session: Session, argument: bytes) -> Event:
    """APOP name digest. RFC 1939 §7."""
    if not session.offer.apop:
        raise refusal("APOP is not offered", ResponseCode.AUTHENTICATION)
    login = command.Apop(*grammar.digest(argument))
    session.awaiting = Step.APOP
    return login


def auth(session: Session, argument: bytes) -> Event | None:
    """AUTH mechanism [initial-response]. RFC 5034 §4."""
    if not argument.strip(b" "):
        # Not in RFC 5034: old Outlook asks for the mechanisms this way, as others do by CAPA.
        session.move(Step.CAPA)
        names = "".join(f"{mechanism}\r\n" for mechanism in session.offer.mechanisms)
        session.say_lines("mechanisms", names.encode("ascii"))
        return None
    mechanism, initial = grammar.mechanism(argument)
    if mechanism not in session.offer.mechanisms:
        more = "; STLS first" if session.starttls_possible else ""
        raise refusal(f"the mechanism is not offered{more}")
    session.awaiting = Step.AUTH
    return command.Auth(mechanism, initial)


def start_tls(session: Session, argument: bytes) -> Event:
    """STLS. RFC 2595 §4."""
    grammar.no_argument(argument)
    if not session.starttls_possible:
        # RFC 2595 §4: not a second time.
        raise refusal("TLS is active" if session.tls_active else "STLS is not offered")
    session.awaiting = Step.STARTTLS
    return command.StartTls()


def capa(session: Session, argument: bytes) -> None:
    """CAPA. RFC 2449 §5."""
    grammar.no_argument(argument)
    block = capability.lines(session.config, session.offer, starttls=session.starttls_possible)
    session.move(Step.CAPA)
    session.say_lines("capabilities", block)


def quit_(session: Session, argument: bytes) -> Event | None:
    """QUIT. RFC 1939 §4, §6."""
    grammar.no_argument(argument)
    if not session.is_logged_in:
        session.end(ok("bye"), Reason.QUIT)
        return None
    session.move(Step.QUIT)
    session.awaiting = Step.UPDATED
    return event.Update(session.maildrop.deleted)


def stat(session: Session, argument: bytes) -> None:
    """STAT. RFC 1939 §5."""
    grammar.no_argument(argument)
    session.write(b"+OK %d %d\r\n" % (session.maildrop.count, session.maildrop.octets))


def listing(session: Session, argument: bytes) -> None:
    """LIST [number]. RFC 1939 §5."""
    maildrop = session.maildrop
    number = grammar.optional_number(argument)
    if number is None:
        session.say_lines(contents(maildrop), maildrop.listing())
    elif maildrop.exists(number):
        session.write(b"+OK %d %d\r\n" % (number, maildrop.size(number)))
    else:
        session.write(_NO_SUCH_MESSAGE)


def uid_listing(session: Session, argument: bytes) -> None:
    """UIDL [number]. RFC 1939 §7."""
    maildrop = session.maildrop
    number = grammar.optional_number(argument)
    if number is None:
        session.say_lines("unique-ids", maildrop.uid_listing())
    elif maildrop.exists(number):
        session.say(ok(f"{number} {maildrop.uid(number)}"))
    else:
        session.write(_NO_SUCH_MESSAGE)


def retrieve(session: Session, argument: bytes) -> Event | None:
    """RETR number. RFC 1939 §5."""
    number = grammar.number(argument)
    if not session.maildrop.exists(number):
        session.write(_NO_SUCH_MESSAGE)
        return None
    session.awaiting = Step.RETR
    return command.Retrieve(number)


def top(session: Session, argument: bytes) -> Event | None:
    """TOP number lines. RFC 1939 §7."""
    number, lines = grammar.two_numbers(argument)
    if not session.maildrop.exists(number):
        session.write(_NO_SUCH_MESSAGE)
        return None
    session.awaiting = Step.TOP
    return command.Top(number, lines)


def delete(session: Session, argument: bytes) -> None:
    """DELE number: sets a mark; QUIT removes the message. RFC 1939 §5."""
    number = grammar.number(argument)
    if session.maildrop.delete(number):
        session.write(b"+OK message %d deleted\r\n" % number)
    else:
        session.write(_NO_SUCH_MESSAGE)


def noop(session: Session, argument: bytes) -> None:
    """NOOP. RFC 1939 §5."""
    grammar.no_argument(argument)
    session.write(_OK)


def reset(session: Session, argument: bytes) -> None:
    """RSET: removes all marks. RFC 1939 §5."""
    grammar.no_argument(argument)
    session.maildrop.reset()
    session.say(ok(contents(session.maildrop)))


ACTIONS: Final[Mapping[Step, Action]] = {
    Step.USER: name,
    Step.PASS: password,
    Step.APOP: apop,
    Step.AUTH: auth,
    Step.STARTTLS: start_tls,
    Step.CAPA: capa,
    Step.QUIT: quit_,
    Step.STAT: stat,
    Step.LIST: listing,
    Step.RETR: retrieve,
    Step.DELE: delete,
    Step.NOOP: noop,
    Step.RSET: reset,
    Step.TOP: top,
    Step.UIDL: uid_listing,
}
