"""What an answer of the session does: one function for each step that an event awaits.

Rules of this file: an answer that does not suit its event is a `LocalProtocolError` and changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire.collector import Collector
from thurn_wire.enddata import EndOfData
from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp import capability
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.session import Discard, Session
from thurn_wire.smtp.state import Step

Answering: TypeAlias = Callable[[Session, Reply], None]


def answer(session: Session, reply: Reply) -> None:
    """Answer the last event.

    Raises:
        LocalProtocolError: nothing waits for an answer, or this cannot be the answer.
    """
    step = session.awaiting
    if step is None:
        raise LocalProtocolError("no event waits for a reply")
    if 300 <= reply.code < 400 and step is not Step.DATA and step is not Step.BDAT:
        raise LocalProtocolError(f"{reply.code} asks for more; the state takes no more")
    ANSWERS[step](session, reply)


def _follow(session: Session, reply: Reply, step: Step) -> None:
    session.awaiting = None
    session.say(reply)
    session.move(step if reply.is_positive else Step.REFUSED)


def _greeting(session: Session, reply: Reply) -> None:
    if reply.code not in {220, 554}:
        raise LocalProtocolError(f"{reply.code} is not a greeting")
    _follow(session, reply, Step.GREETED)


def _hello(session: Session, reply: Reply) -> None:
    if reply.is_positive and session.hello_verb != "HELO":
        config = session.config
        lines = capability.keywords(
            session.usable_offer,
            size_octets=config.size_octets,
            chunking=config.chunking,
            smtputf8=config.smtputf8,
            extensions=config.extensions,
        )
        reply = Reply(reply.code, None, (reply.text[0], *lines))
    _follow(session, reply, Step.HELLO)
    if reply.is_positive:
        session.forget_transaction()


def _mail(session: Session, reply: Reply) -> None:
    _follow(session, reply, Step.MAIL)


def _recipient(session: Session, reply: Reply) -> None:
    _follow(session, reply, Step.RCPT)
    if reply.is_positive:
        session.transaction.accepted_recipients += 1
    else:
        session.transaction.has_refused_recipients = True


def _verify(session: Session, reply: Reply) -> None:
    _follow(session, reply, Step.VRFY)


def _expand(session: Session, reply: Reply) -> None:
    _follow(session, reply, Step.EXPN)


def _data(session: Session, reply: Reply) -> None:
    if reply.is_positive and reply.code != 354:
        raise LocalProtocolError(f"{reply.code} does not answer DATA")
    if not reply.is_positive:
        # The transaction ends: there are clients that go on with MAIL, which 503 would bounce.
        _follow(session, reply, Step.TRANSACTION_FAILED)
        session.move(Step.TRANSACTION_FAILED)
        session.forget_transaction()
    else:
        _follow(session, reply, Step.DATA)
        config = session.config
        session.transaction.content = EndOfData(
            config.size_octets, config.spill_octets, normalizes=config.normalizes_line_ends
        )


def _chunk(session: Session, reply: Reply) -> None:
    """A positive answer is not sent; a refusal is, when the octets have been read. RFC 3030 §2."""
    if reply.is_positive and reply.code != 354:
        raise LocalProtocolError(f"{reply.code} does not answer BDAT")
    session.awaiting = None
    if reply.is_positive:
        config = session.config
        session.move(Step.BDAT)
        session.transaction.chunks = Collector(config.size_octets, config.spill_octets)
    else:
        replies = session.for_each(reply, whole=session.is_last)
        session.discard = Discard(replies, counts=False)
        session.move(Step.TRANSACTION_FAILED)
        session.forget_transaction()


def _message(session: Session, reply: Reply) -> None:
    session.end_message(session.for_each(reply, whole=True))


def _start_tls(session: Session, reply: Reply) -> None:
    if reply.is_positive and reply.code != 220:
        raise LocalProtocolError(f"{reply.code} does not answer STARTTLS")
    _follow(session, reply, Step.STARTTLS)


def _auth(session: Session, reply: Reply) -> None:
    if reply.is_positive and reply.code != 235:
        raise LocalProtocolError(f"{reply.code} does not end an exchange")
    _follow(session, reply, Step.AUTH)
    if reply.is_positive:
        session.authenticated = True
        session.set_offer(session.offer)


ANSWERS: Final[Mapping[Step, Answering]] = {
    Step.GREETED: _greeting,
    Step.HELLO: _hello,
    Step.MAIL: _mail,
    Step.RCPT: _recipient,
    Step.VRFY: _verify,
    Step.EXPN: _expand,
    Step.DATA: _data,
    Step.BDAT: _chunk,
    Step.MESSAGE_ENDED: _message,
    Step.STARTTLS: _start_tls,
    Step.AUTH: _auth,
}
