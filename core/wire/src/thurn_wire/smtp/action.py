"""What the server does for each command: one function a command, all in one table.

Rules of this file:
1. A function is called only in a state that allows its command. It returns the event that the
   session has to answer, or answers by itself and returns None.
2. `CommandError` refuses the command.
3. BDAT alone is read before its place in the sequence is judged, since its octets have to be read
   in any case (RFC 3030 §2).

RFC 5321 §4.1.1, RFC 3030, RFC 3207, RFC 4954.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire.event import Reason
from thurn_wire.smtp import command, event, grammar, limits, own_reply, parameter
from thurn_wire.smtp.event import Event
from thurn_wire.smtp.reply import CommandError, refusal
from thurn_wire.smtp.session import Discard, Session
from thurn_wire.smtp.state import Step

Action: TypeAlias = Callable[[Session, bytes], Event | None]


def hello(session: Session, verb: bytes, argument: bytes) -> Event:
    """EHLO, HELO or LHLO. RFC 5321 §4.1.1.1."""
    word = verb.decode().upper()
    if not argument or b" " in argument:
        raise refusal(501, "5.5.4", f"Syntax: {word} hostname")
    if word != "HELO":
        session.end_group()
    session.awaiting = Step.HELLO
    session.hello_verb = word
    return command.Hello(word, argument.decode())


def mail(session: Session, argument: bytes) -> Event:
    """MAIL. RFC 5321 §4.1.1.2."""
    path, parameters = grammar.path_and_parameters(argument, "FROM")
    smtputf8 = False
    if parameters:
        parameter.check_mail(parameters, session.mail_words, session.config.size_octets)
        smtputf8 = "SMTPUTF8" in parameters
    parameter.check_unicode(path, parameters, smtputf8=smtputf8, enhanced="5.1.7")
    session.awaiting = Step.MAIL
    session.transaction.smtputf8 = smtputf8
    return command.Mail(path or None, parameters)


def recipient(session: Session, argument: bytes) -> Event | None:
    """RCPT. RFC 5321 §4.1.1.3."""
    path, parameters = grammar.path_and_parameters(argument, "TO")
    if not path:
        raise refusal(501, "5.1.3", "Syntax: TO:<address>")
    if parameters:
        parameter.check_known(parameters, session.recipient_words)
    transaction = session.transaction
    parameter.check_unicode(path, parameters, smtputf8=transaction.smtputf8, enhanced="5.1.3")
    if transaction.accepted_recipients >= session.config.recipients:
        # RFC 5321 §4.5.3.1.10: 452, and the accepted ones stay. It is not an error of the client
        # unless it continues without end.
        transaction.overshoot += 1
        if transaction.overshoot > limits.RECIPIENTS_OVERSHOOT:
            raise CommandError(own_reply.TOO_MANY_RECIPIENTS)
        session.say(own_reply.TOO_MANY_RECIPIENTS)
        return None
    session.awaiting = Step.RCPT
    return command.Recipient(path, parameters)


def data(session: Session, argument: bytes) -> Event:
    """DATA. RFC 5321 §4.1.1.4."""
    grammar.no_argument("DATA", argument)
    session.awaiting = Step.DATA
    return event.DataBegin(chunked=False)


def chunk(session: Session, argument: bytes, *, is_grouped: bool) -> Event | None:
    """BDAT, in any state. RFC 3030 §2.

    The announced octets are read away before a refusal; where none can be counted, the dialogue
    ends. They are never read as commands.
    """
    size_octets, is_last = grammar.chunk_size(argument)
    if size_octets is None:
        session.end(own_reply.CHUNK_WITHOUT_SIZE, Reason.FOREIGN)
        return None
    session.left_octets, session.is_last = size_octets, is_last is True
    if not session.config.chunking:
        session.discard = Discard([own_reply.NOT_OFFERED], counts=True)
    elif is_grouped:
        session.discard = Discard([own_reply.BEHIND_HELLO], counts=True)
    elif not session.allows(Step.BDAT):
        reply = own_reply.out_of_sequence(
            session.state, Step.BDAT, all_refused=session.all_recipients_refused
        )
        session.discard = Discard([reply], counts=True)
    elif is_last is None:
        # The message would lack this chunk: its transaction ends with it.
        session.discard = Discard([own_reply.CHUNK_SYNTAX], counts=True, content_octets=size_octets)
    elif session.transaction.chunks is None:
        session.awaiting = Step.BDAT
        return event.DataBegin(chunked=True)
    else:
        if not size_octets and not is_last:  # chunks without octets could be sent without end
            session.count_junk()
        if not session.is_closed:
            session.move(Step.BDAT)
    return None


def reset(session: Session, argument: bytes) -> Event:
    """RSET. RFC 5321 §4.1.1.5."""
    grammar.no_argument("RSET", argument)
    session.move(Step.RSET)
    session.forget_transaction()
    session.say(own_reply.RESET)
    return command.Reset()


def noop(session: Session, _argument: bytes) -> None:
    """NOOP. RFC 5321 §4.1.1.9."""
    session.say(own_reply.NOOP)


def help_(session: Session, _argument: bytes) -> None:
    """HELP. RFC 5321 §4.1.1.8."""
    session.say(own_reply.HELP)


def quit_(session: Session, argument: bytes) -> None:
    """QUIT. RFC 5321 §4.1.1.10."""
    grammar.no_argument("QUIT", argument)
    session.end(own_reply.goodbye(session.config), Reason.QUIT)


def verify(session: Session, argument: bytes) -> Event | None:
    """VRFY. RFC 5321 §4.1.1.6."""
    if not argument:
        raise refusal(501, "5.5.4", "Syntax: VRFY address")
    if not session.config.verify:
        session.say(own_reply.USUAL[Step.VRFY])
        return None
    session.awaiting = Step.VRFY
    return command.Verify(argument.decode())


def expand(session: Session, argument: bytes) -> Event:
    """EXPN. RFC 5321 §4.1.1.7."""
    if not session.config.verify:
        raise CommandError(own_reply.NOT_OFFERED)
    if not argument:
        raise refusal(501, "5.5.4", "Syntax: EXPN list")
    session.awaiting = Step.EXPN
    return command.Expand(argument.decode())


def start_tls(session: Session, argument: bytes) -> Event:
    """STARTTLS. RFC 3207 §4."""
    grammar.no_argument("STARTTLS", argument)
    if session.tls_active:
        raise CommandError(own_reply.TLS_ACTIVE)
    if not session.offer.starttls:
        raise CommandError(own_reply.NOT_OFFERED)
    session.awaiting = Step.STARTTLS
    return command.StartTls()


def auth(session: Session, argument: bytes) -> Event:
    """AUTH. RFC 4954 §4."""
    if session.authenticated:
        raise CommandError(own_reply.AUTHENTICATED)
    offer = session.offer
    if not offer.mechanisms:
        tls_first = offer.starttls and not session.tls_active
        raise CommandError(own_reply.TLS_FIRST if tls_first else own_reply.NOT_OFFERED)
    mechanism, initial = grammar.mechanism(argument)
    if mechanism not in offer.mechanisms:
        raise CommandError(own_reply.UNKNOWN_MECHANISM)
    session.awaiting = Step.AUTH
    return command.Auth(mechanism, initial)


ACTIONS: Final[Mapping[Step, Action]] = {
    Step.MAIL: mail,
    Step.RCPT: recipient,
    Step.DATA: data,
    Step.RSET: reset,
    Step.NOOP: noop,
    Step.QUIT: quit_,
    Step.VRFY: verify,
    Step.EXPN: expand,
    Step.HELP: help_,
    Step.STARTTLS: start_tls,
    Step.AUTH: auth,
}
"""Every command but HELLO, whose function needs its verb, and BDAT."""
