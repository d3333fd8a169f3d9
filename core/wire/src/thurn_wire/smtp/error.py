"""The two errors that the SMTP engines raise.

Rules of this file: the server raises only `LocalProtocolError`, whatever the peer sends; the client
raises `RemoteProtocolError` when a server breaks the dialogue, and is closed then.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """The common base."""


class LocalProtocolError(ProtocolError):
    """The caller did what the state forbids, or gave a value that cannot be sent: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; the connection is of no more use.

    Attributes:
        reply_hint: the reply code that suits a message that was under way (421, 451).
    """

    def __init__(self, text: str, reply_hint: int = 451) -> None:
        super().__init__(text)
        self.reply_hint = reply_hint
