"""What an extension may do with a session: the contract that our own extensions use as well.

Rules of this file:
1. An extension is given an `ImapConversation` and nothing else of the session. What it may import
   of this distribution is listed in the README (Extensions).
2. Only three things of the contract belong to one extension each, and the commands of the base look
   at them: `enable_condstore`, `enable_rev2` and `rev2` (see `extensions/condstore.py`,
   `extensions/rev2.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from thurn.plugin import (
    AccountHandle,
    Connection,
    ListenerContext,
    MailboxRecord,
    Session,
    Stash,
)

from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.output import Output
from thurn_listener_imap.settings import ImapSettings


class ImapConversation(Output, Protocol):
    """One session of a client, as commands and extensions see it."""

    # What surrounds it.

    @property
    def settings(self) -> ImapSettings:
        """The settings of the listener."""

    @property
    def context(self) -> ListenerContext:
        """The host: directory, clock, diagnostics, the gate."""

    @property
    def session(self) -> Session:
        """The host's session: its id, its peer, its TLS state."""

    @property
    def connection(self) -> Connection:
        """What the session speaks through now; see `replace_connection`."""

    @property
    def stash(self) -> Stash:
        """What extensions keep for as long as the session lives, under keys of their own.

        What lives as long as a mailbox is selected is kept in `Selected.stash`.
        """

    @property
    def tag(self) -> bytes:
        """The tag of the command that is carried out."""

    # Who it is.

    @property
    def is_logged_in(self) -> bool:
        """Whether an account is open."""

    @property
    def account(self) -> AccountHandle:
        """The open account. Raises CommandRefused before login."""

    @property
    def enabled(self) -> frozenset[str]:
        """The words that ENABLE has enabled, in capitals."""

    @property
    def rev2(self) -> bool:
        """Whether IMAP4rev2 is enabled: names of mailboxes are written in UTF-8."""

    # The selected mailbox.

    @property
    def selected(self) -> Selected | None:
        """The selected mailbox, or None."""

    @property
    def mailbox(self) -> Selected:
        """The selected mailbox. Raises CommandRefused where none is selected."""

    def deselect(self) -> None:
        """Nothing is selected any more."""

    def need_right(self, right: str) -> None:
        """Raise NotPermitted without this right to the selected mailbox. RFC 4314 §4."""

    def need_writable(self) -> None:
        """Raise CommandRefused in a mailbox that was opened by EXAMINE."""

    async def guard(self, mailbox: str, sizes: Iterable[int]) -> None:
        """Raise a StorageError where a guard lets no messages of these sizes into this mailbox.

        Args:
            mailbox: the name of the target.
            sizes: octets of each message; read only where the listener has guards. What a
                guard holds for them ends with the command, or with the next call.
        """

    # What the client is told.

    async def flush(self) -> None:
        """Send everything that is gathered.

        Raises:
            OSError: the connection is lost.
        """

    async def tell_updates(self, *, may_expunge: bool, uid: bool = False) -> None:
        """Write what other sessions, and this one, have done to the selected mailbox.

        A command that calls this itself gets no second look at its end.

        Args:
            may_expunge: EXPUNGE responses may be sent now. RFC 9051 §7.5.1.
            uid: FETCH responses have the UID, since a UID command is answered.
        """

    def status_response(self, record: MailboxRecord, items: Sequence[str]) -> bytes:
        """The STATUS response of a mailbox, with items of all extensions. RFC 9051 §7.3.3."""

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Write a failure that is not the client's into the operator's log."""

    # A command that takes over the connection (a rule with `Step.TAKE_OVER`).

    async def receive_octets(self, *, or_change: bool = False) -> bytes | None:
        r"""What the client sends next, as it comes; what is gathered is sent before.

        Octets that were received behind the command come first.

        Args:
            or_change: also return when another session may have changed the selected mailbox.

        Returns:
            At least one octet; b"" when the client sends nothing more or the session has to end:
            then the command returns. None: the mailbox may have changed (`tell_updates` looks).

        Raises:
            OSError: the connection is lost.
        """

    def unread_octets(self, octets: bytes) -> None:
        """Give back what was received behind the end of what the command reads."""

    def replace_connection(self, connection: Connection) -> int:
        """Speak through another connection from now on, such as one that encrypts or compresses.

        Octets that were received and not read are dropped, since they came before the change:
        whoever can put octets into the stream must not have them taken for the client's.

        Returns:
            How many octets were dropped.
        """

    # Extensions that the base looks at.

    def enable_condstore(self) -> None:
        """The client has shown that it knows MODSEQ. RFC 7162 §3.1."""

    def enable_rev2(self) -> None:
        """The client speaks IMAP4rev2 from now on. RFC 9051 §6.3.1."""
