"""Response codes: the words in brackets, ready to send. RFC 9051 §7.1, RFC 5530.

Rules of this file: codes without arguments are constants, codes with arguments are functions. All
are the octets between the brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from thurn_wire.imap.sequence import sequence_set

ALERT: Final = b"ALERT"
ALREADYEXISTS: Final = b"ALREADYEXISTS"
APPENDLIMIT: Final = b"APPENDLIMIT"
AUTHENTICATIONFAILED: Final = b"AUTHENTICATIONFAILED"
AUTHORIZATIONFAILED: Final = b"AUTHORIZATIONFAILED"
CANNOT: Final = b"CANNOT"
CLIENTBUG: Final = b"CLIENTBUG"
CLOSED: Final = b"CLOSED"
CONTACTADMIN: Final = b"CONTACTADMIN"
CORRUPTION: Final = b"CORRUPTION"
EXPIRED: Final = b"EXPIRED"
EXPUNGEISSUED: Final = b"EXPUNGEISSUED"
HASCHILDREN: Final = b"HASCHILDREN"
INUSE: Final = b"INUSE"
LIMIT: Final = b"LIMIT"
NOMODSEQ: Final = b"NOMODSEQ"
NONEXISTENT: Final = b"NONEXISTENT"
NOPERM: Final = b"NOPERM"
NOTSAVED: Final = b"NOTSAVED"
OVERQUOTA: Final = b"OVERQUOTA"
PARSE: Final = b"PARSE"
PRIVACYREQUIRED: Final = b"PRIVACYREQUIRED"
READ_ONLY: Final = b"READ-ONLY"
READ_WRITE: Final = b"READ-WRITE"
SERVERBUG: Final = b"SERVERBUG"
TOOBIG: Final = b"TOOBIG"
TRYCREATE: Final = b"TRYCREATE"
UIDNOTSTICKY: Final = b"UIDNOTSTICKY"
UNAVAILABLE: Final = b"UNAVAILABLE"
UNKNOWN_CTE: Final = b"UNKNOWN-CTE"
USEATTR: Final = b"USEATTR"


def appenduid(uidvalidity: int, uids: Iterable[int]) -> bytes:
    """Where APPEND put its messages. RFC 4315 §3."""
    return b"APPENDUID %d %b" % (uidvalidity, sequence_set(uids))


def copyuid(uidvalidity: int, source: Sequence[int], target: Sequence[int]) -> bytes:
    """Which UIDs became which: two ascending lists of one length; b"" if empty. RFC 4315 §3."""
    if not source:
        return b""
    return b"COPYUID %d %b %b" % (uidvalidity, sequence_set(source), sequence_set(target))


def badcharset(charsets: Iterable[str]) -> bytes:
    """The charsets that SEARCH takes. RFC 9051 §7.1."""
    return b"BADCHARSET (%b)" % " ".join(charsets).encode("ascii")


def capability(names: Iterable[str]) -> bytes:
    """The capabilities, without a CAPABILITY command. RFC 9051 §7.1."""
    return b"CAPABILITY " + " ".join(names).encode("ascii")


def highestmodseq(modseq: int) -> bytes:
    """The mailbox's highest MODSEQ. RFC 7162 §3.1.2.1."""
    return b"HIGHESTMODSEQ %d" % modseq


def modified(numbers: Iterable[int]) -> bytes:
    """Messages that STORE left alone for UNCHANGEDSINCE. RFC 7162 §3.1.3."""
    return b"MODIFIED " + sequence_set(numbers)


def permanentflags(flags: Iterable[str]) -> bytes:
    r"""Flags that can be changed permanently; `\*`: new keywords, too. RFC 9051 §7.1."""
    return b"PERMANENTFLAGS (%b)" % " ".join(flags).encode("ascii")


def uidnext(uid: int) -> bytes:
    """RFC 9051 §7.1."""
    return b"UIDNEXT %d" % uid


def uidvalidity(number: int) -> bytes:
    """RFC 9051 §7.1."""
    return b"UIDVALIDITY %d" % number


def unseen(number: int) -> bytes:
    """The first message without Seen. RFC 3501 §7.1."""
    return b"UNSEEN %d" % number
