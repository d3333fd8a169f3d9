"""The two errors that the IMAP engines raise.

Rules of this file: the server side raises only `LocalProtocolError`, whatever the peer sends; the
client side raises `RemoteProtocolError` when a server breaks the dialogue, and is then closed.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """The common base."""


class LocalProtocolError(ProtocolError):
    """The caller did what the state forbids, or gave a value that cannot be sent: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; the connection is of no more use."""
