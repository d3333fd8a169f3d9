"""Policies judge a peer at each stage before the content comes. Each listener has its list.

A policy has one or more of the `check_` methods; the host puts it into the chains of those it has.
The first answer other than Continue ends the chain of that stage, and only that one; None is
Continue. No policy can permit relaying: only the relay rules do that. Refusals at connection, hello
and sender are answered at RCPT unless `reject_at` says otherwise; `Disconnect` is answered at once.

A policy that keeps something for each peer, such as a connection to another program, is a
`SessionPolicy` instead: it opens rules for a session, and these have the methods.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from thurn.types.address import Address
from thurn.types.decision import Decision
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction


@runtime_checkable
class ConnectionPolicy(Protocol):
    """Judges a peer by its address."""

    async def check_connection(self, session: Session) -> Decision | None:
        """Asked once, before the greeting."""


@runtime_checkable
class HelloPolicy(Protocol):
    """Judges the name that a peer gives itself."""

    async def check_hello(self, session: Session, name: str) -> Decision | None:
        """Asked at each EHLO, HELO, LHLO."""


@runtime_checkable
class SenderPolicy(Protocol):
    """Judges the envelope's sender."""

    async def check_sender(
        self, transaction: Transaction, sender: Address | None
    ) -> Decision | None:
        """Asked at MAIL; None is the null sender."""


@runtime_checkable
class RecipientPolicy(Protocol):
    """Judges a recipient of this site. It is never a relay rule."""

    async def check_recipient(
        self, transaction: Transaction, recipient: Recipient
    ) -> Decision | None:
        """Asked at RCPT, after the directory has said that the address is of this site."""


TransactionOutcome: TypeAlias = Literal[
    "stored", "queued", "discarded", "refused", "deferred", "abandoned"
]
"""How a transaction ended, in the words of the journal: the peer was answered 250 ("stored",
"queued", "discarded"), 5xx ("refused") or 4xx ("deferred"); or it got no answer, because of RSET,
EHLO, STARTTLS, the end of the connection, or a cancellation ("abandoned")."""


@runtime_checkable
class TransactionWatcher(Protocol):
    """Rules of a session that need to know how transactions end."""

    async def transaction_ended(
        self, transaction: Transaction, outcome: TransactionOutcome
    ) -> None:
        """Called once for each transaction that ends while the rules are open, whether they were
        asked about it or not, and before they are asked about the next one.

        It may take 20 s. If it raises or takes longer, the rules have failed: the peer has its
        answer, but every later question to them in this session is answered 451.
        """


@runtime_checkable
class SessionPolicy(Protocol):
    """A policy whose rules belong to one session.

    The host opens them at the first question that they have a method for, not when the peer
    connects. It closes them when the session has ended, within 5 s, whatever is cancelled. Opening
    is part of the time of that question. If they cannot be opened, every question to them is
    answered 451 for the rest of the session. Each failure to open, to handle an end, or to close
    counts as a missed deadline of the instance. A reload does not touch open sessions: they keep
    the objects that they have, so what has to outlive a session belongs into `context.state`.
    """

    @property
    def rules(self) -> type[object]:
        """The class of what `open` gives: one or more of the `check_` methods, and perhaps
        `transaction_ended`. The host asks at the stages of its methods."""

    def open(self, session: Session) -> AbstractAsyncContextManager[object]:
        """Open rules for this session. An idle session should keep little: there may be
        thousands."""
