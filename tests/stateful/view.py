"""What a client knows of its selected mailbox, from the server's responses alone.

An entry stands for a message number. `uid` is the truth where a model stands behind the view, else
what the server has said; `flags` is what the client knows (None: nothing); `told` and `stamp` are
what the server has looked at last.
"""

from __future__ import annotations

import re

FETCH = re.compile(rb"\* (\d+) FETCH \(")
NUMBERED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|RECENT)\Z")
UID = re.compile(rb"[( ]UID (\d+)")
FLAGS = re.compile(rb"[( ]FLAGS \(([^)]*)\)")
MODSEQ = re.compile(rb"[( ]MODSEQ \((\d+)\)")
SUBJECT = re.compile(rb"Subject: (t\d+)\r\n")


class Entry:
    __slots__ = ("flags", "stamp", "told", "uid")

    def __init__(self, uid=None):
        self.uid, self.flags, self.told, self.stamp = uid, None, frozenset(), None


class View:
    """`box` is the model of the mailbox, or None where only rules are checked."""

    def __init__(self, name, box, read_only):
        self.name, self.box, self.read_only = name, box, read_only
        self.entries = []
        self.floor = 0  # the highest UID that was told
        self.uidvalidity = None
        self.behind = False  # what is heard was said before the model came to where it is

    def __len__(self):
        return len(self.entries)

    def look(self):
        """The server has looked at the mailbox: note what it saw."""
        if self.box is None:
            return
        for entry in self.entries:
            one = self.box.messages.get(entry.uid)
            if one is not None:
                entry.told, entry.stamp = one.flags, one.stamp

    def exists(self, number):
        new = number - len(self.entries)
        assert new >= 0, f"EXISTS {number} below {len(self.entries)} without EXPUNGE"
        if self.box is None or self.behind:
            self.entries += [Entry() for _ in range(new)]
            return
        uids = [uid for uid in self.box.messages if uid > self.floor]
        assert len(uids) == new, f"EXISTS tells {new} new messages, there are {uids}"
        self.entries += map(Entry, uids)
        self.floor = self.box.uidnext - 1

    def expunge(self, number):
        assert 1 <= number <= len(self.entries), f"EXPUNGE {number} of {len(self.entries)}"
        gone = self.entries.pop(number - 1)
        if self.box is not None and gone.uid is not None:
            assert gone.uid not in self.box.messages, f"EXPUNGE {number}: UID {gone.uid} is there"

    def fetch(self, line, found, site):
        """A FETCH response; (entry, what was in it)."""
        number = int(found[1])
        assert 1 <= number <= len(self.entries), f"FETCH {number} of {len(self.entries)}"
        entry, inside = self.entries[number - 1], set()
        if uid := UID.search(line):
            inside.add("UID")
            self._uid(number, entry, int(uid[1]))
        if flags := FLAGS.search(line):
            inside.add("FLAGS")
            entry.flags = frozenset(flags[1].decode().split())
        if modseq := MODSEQ.search(line):
            inside.add("MODSEQ")
            if self.box is not None and not self.behind:
                self._modseq(entry, int(modseq[1]))
        if subject := SUBJECT.search(line):
            inside.add("BODY")
            token = subject[1].decode()
            if self.box is not None:
                one = self.box.messages.get(entry.uid)
                assert one is None or one.token == token, f"UID {entry.uid}: {token} not {one}"
            elif entry.uid is not None and self.uidvalidity is not None:
                site.gave(self.uidvalidity, entry.uid, token)
        return entry, inside

    def _modseq(self, entry, value):
        """It is that of the message now, or that of what the server had looked at before."""
        one = self.box.messages.get(entry.uid)
        if one is None:
            return
        if entry.stamp in (None, one.stamp) or one.stamp.exact == value:
            one.stamp.seen(value)
            self.box.high = max(self.box.high, value)
        elif value < one.stamp.low and entry.stamp is not None:
            entry.stamp.seen(value)

    def _uid(self, number, entry, uid):
        assert entry.uid in (None, uid), f"number {number} was UID {entry.uid}, now {uid}"
        if entry.uid is None:
            before = [one.uid for one in self.entries[: number - 1] if one.uid is not None]
            after = [one.uid for one in self.entries[number:] if one.uid is not None]
            assert not before or before[-1] < uid, (before, uid)
            assert not after or uid < after[0], (uid, after)
            entry.uid = uid

    def catch_up(self):
        """All updates have come: messages that were new meanwhile get the UIDs of their places."""
        self.behind = False
        uids = list(self.box.messages)
        assert len(uids) == len(self.entries), f"{len(self.entries)} messages told of {uids}"
        for entry, uid in zip(self.entries, uids, strict=True):
            entry.uid = entry.uid or uid
        self.floor = self.box.uidnext - 1

    def agree(self, *, ghosts):
        """The view equals the model, except for expunges that the server could not report yet."""
        there = self.box.messages
        uids = [entry.uid for entry in self.entries if not ghosts or entry.uid in there]
        assert uids == list(there), f"view {uids}, mailbox {list(there)}"
        for number, entry in enumerate(self.entries, 1):
            one = there.get(entry.uid)
            if one is not None and entry.flags is not None:
                assert entry.flags == one.flags, (
                    f"{number} (UID {entry.uid}): told {set(entry.flags)}, has {set(one.flags)}"
                )

    # Sets of numbers, as the server has to understand them.

    def wanted(self, ranges, *, uid):
        """Positions meant; None: a message number that does not exist."""
        if uid:
            top = self.entries[-1].uid if self.entries else 0
            spans = [sorted((low or top, high or top)) for low, high in ranges]
            return [
                at
                for at, entry in enumerate(self.entries)
                if any(low <= entry.uid <= high for low, high in spans)
            ]
        count, chosen = len(self.entries), set()
        for one, other in ranges:
            low, high = sorted((one or count, other or count))
            if low < 1 or high > count:
                return None
            chosen.update(range(low - 1, high))
        return sorted(chosen)
