"""What a site of mailboxes is: the reference that a server is compared with. No protocol here.

MODSEQs are known only as far as the server has told them: a `Stamp` is shared by all messages whose
flags one command changed, has a lower bound, and becomes exact when it is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SEEN, DELETED = "\\Seen", "\\Deleted"


class Stamp:
    """A MODSEQ: at least `low`; `exact` once the server has sent it."""

    __slots__ = ("exact", "low")

    def __init__(self, low):
        self.low, self.exact = low, None

    def seen(self, value):
        assert self.exact in (None, value), f"MODSEQ {value} was {self.exact}"
        assert value >= self.low, f"MODSEQ {value}, but it is above {self.low - 1}"
        self.exact = self.low = value

    def above(self, number):
        """Whether it is above a number; None: nobody knows."""
        if self.low > number:
            return True
        return False if self.exact is not None else None


@dataclass
class Message:
    token: str
    flags: frozenset
    stamp: Stamp


@dataclass
class Box:
    """A mailbox; `messages` are in UID order."""

    uidvalidity: int | None = None
    uidnext: int = 1
    high: int = 0
    messages: dict = field(default_factory=dict)
    gone: bool = False

    def stamp(self):
        self.high += 1
        return Stamp(self.high)

    def add(self, messages):
        """(token, flags) of each; their UIDs. They may share a MODSEQ or not."""
        low, first = self.stamp().low, self.uidnext
        for token, flags in messages:
            self.messages[self.uidnext] = Message(token, frozenset(flags), Stamp(low))
            self.uidnext += 1
        return list(range(first, self.uidnext))

    def remove(self, uids):
        there = [uid for uid in uids if self.messages.pop(uid, None) is not None]
        if there:
            self.high += 1
        return there

    def deleted(self):
        return [uid for uid, one in self.messages.items() if DELETED in one.flags]

    def saw_uidvalidity(self, value):
        assert self.uidvalidity in (None, value), f"UIDVALIDITY {value} was {self.uidvalidity}"
        self.uidvalidity = value

    def saw_high(self, value):
        assert value >= self.high, f"HIGHESTMODSEQ {value} was at least {self.high}"
        self.high = value

    def saw(self, uid, modseq):
        one = self.messages.get(uid)
        if one is not None:
            one.stamp.seen(modseq)
        self.high = max(self.high, modseq)


def joined(flags, operation, names):
    """What flags become. RFC 9051 §6.4.6."""
    names = frozenset(names)
    return {"+": flags | names, "-": flags - names, "": names}[operation]


class Site:
    """All mailboxes of the account, and every UID that was ever given."""

    def __init__(self):
        self.boxes = {"INBOX": Box()}
        self.given = {}
        self.tokens = 0

    def token(self):
        self.tokens += 1
        return f"t{self.tokens}"

    def gave(self, uidvalidity, uid, token):
        """Note that a UID names this message; it never names another. RFC 9051 §2.3.1.1."""
        before = self.given.setdefault((uidvalidity, uid), token)
        assert before == token, f"UID {uid} of {uidvalidity} named {before}, now {token}"
