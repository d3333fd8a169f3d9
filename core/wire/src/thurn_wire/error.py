"""The two errors that every engine raises.

Rules of this file: a server engine raises only `LocalProtocolError`, whatever its peer sends. A
client engine also raises `RemoteProtocolError` when the server breaks the protocol; the engine is
closed afterwards.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """The base of both errors."""


class LocalProtocolError(ProtocolError):
    """The caller did what the state forbids, or gave a value that cannot be sent: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; the connection must be closed."""
