"""The effect of each command on the model, and the answers that the server must give.

One command at a time is judged, when its tagged answer is there: first its effect on the model,
by what was answered where the standards leave a choice; then every untagged response on the
client's view; then view and model are compared. RFC 9051 §6, §7.5.1, RFC 7162 §3, RFC 2180 §4.
"""

from __future__ import annotations

import re

from model import DELETED, SEEN, Box, Stamp, joined
from verbs import spell
from view import FETCH, NUMBERED, View

APPENDUID = re.compile(r"\[APPENDUID (\d+) ([\d:,]+)\]")
COPYUID = re.compile(rb"\[COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]")
MODIFIED = re.compile(r"\[MODIFIED ([\d:,]+)\]")
CODE = {
    name: re.compile(rb"\* OK \[" + name.encode() + rb" (\d+)\]")
    for name in ("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ", "UNSEEN")
}
HIGH = re.compile(r"\[HIGHESTMODSEQ (\d+)\]")
STATUS = re.compile(rb"\* STATUS \"?(\w+)\"? \((.*)\)\Z")
LIST = re.compile(rb"\* LIST \(([^)]*)\) \"/\" \"?(\w+)\"?\Z")
MUST_SELECT = (
    "STORE",
    "FETCH",
    "SEARCH",
    "COPY",
    "MOVE",
    "EXPUNGE",
    "UIDEXPUNGE",
    "CLOSE",
    "UNSELECT",
    "CHECK",
)
WRITES = ("STORE", "MOVE", "EXPUNGE", "UIDEXPUNGE")


def numbers(text):
    found = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        found += range(int(low), int(high or low) + 1)
    return found


class Reply:
    """What was answered."""

    def __init__(self, untagged, tagged):
        self.untagged, self.text = untagged, tagged.decode("utf-8", "replace")
        self.ok = self.text.startswith("OK")

    def refused(self, *codes):
        """Not OK, with one of these response codes if any are given."""
        return not self.ok and (not codes or any(f"[{one}" in self.text for one in codes))


class Oracle:
    """Judges commands of all clients of one site."""

    def __init__(self, site):
        self.site = site

    def judge(self, client, command, reply):
        """Raises AssertionError where the server is wrong."""
        kind = command[0]
        if kind in MUST_SELECT and client.view is None:
            assert reply.text.startswith("BAD"), "without a mailbox"
            return self.hear(client, kind, reply, uid=False)
        if kind in WRITES and client.view.read_only:
            assert reply.refused("READ-ONLY"), "in a read-only mailbox"
            return self.after(client, kind, reply, uid=len(command) > 1 and command[1] is True)
        return getattr(self, kind.lower())(client, reply, *command[1:])

    # Views.

    def hear(self, client, kind, reply, *, uid):
        """Check every untagged response; returns what FETCH responses said, by entry."""
        told, quiet = {}, kind in ("FETCH", "STORE", "SEARCH") and not uid
        view = client.view
        for line in reply.untagged:
            if found := FETCH.match(line):
                assert view is not None, "FETCH without a mailbox"
                entry, inside = view.fetch(line, found, self.site)
                told.setdefault(entry, set()).update(inside)
                if client.condstore and kind != "FETCH" and "FLAGS" in inside:
                    assert "MODSEQ" in inside, "RFC 7162 §3.2: MODSEQ is sent with every change"
            elif found := NUMBERED.match(line):
                number, word = int(found[1]), found[2]
                if word == b"EXISTS":
                    view.exists(number)
                elif word == b"EXPUNGE":
                    assert not quiet, f"EXPUNGE during {kind}"
                    view.expunge(number)
            elif line.startswith(b"* BYE"):
                raise AssertionError("BYE")
        return told

    def after(self, client, kind, reply, *, uid=False):
        """Responses, then: nothing that has happened is unknown."""
        told = self.hear(client, kind, reply, uid=uid)
        if client.view is not None and client.view.box is not None:
            client.view.agree(ghosts=kind in ("FETCH", "STORE", "SEARCH") and not uid)
            client.view.look()
        return told

    def targets(self, client, ranges, *, uid, reply):
        """(positions, those of them that are there); None when a number does not exist."""
        positions = client.view.wanted(ranges, uid=uid)
        if positions is None:
            assert reply.refused(), "a message number that does not exist"
            return None, None
        there = client.view.box.messages
        return positions, [at for at in positions if client.view.entries[at].uid in there]

    # Selecting.

    def select(self, client, reply, name, condstore, read_only=False):
        client.view = None
        box = self.site.boxes.get(name)
        if box is None:
            assert reply.refused("NONEXISTENT"), "no such mailbox"
            return
        assert reply.ok, "the mailbox is there"
        assert ("[READ-ONLY]" in reply.text) == read_only
        client.condstore |= bool(condstore)
        view = client.view = View(name, box, read_only)
        told = {}
        for line in reply.untagged:
            for word, pattern in CODE.items():
                if found := pattern.match(line):
                    told[word] = int(found[1])
            if (found := NUMBERED.match(line)) and found[2] == b"EXISTS":
                view.exists(int(found[1]))
        view.floor = box.uidnext - 1
        view.agree(ghosts=False)
        box.saw_uidvalidity(told["UIDVALIDITY"])
        assert told["UIDNEXT"] == box.uidnext, (told, box.uidnext)
        box.saw_high(told["HIGHESTMODSEQ"])
        unseen = [n for n, one in enumerate(box.messages.values(), 1) if SEEN not in one.flags]
        assert told.get("UNSEEN") == (unseen[0] if unseen else None), (told, unseen)
        view.look()

    def examine(self, client, reply, name, condstore):
        self.select(client, reply, name, condstore, read_only=True)

    def close(self, client, reply):
        assert reply.ok or client.view.box.gone
        if not client.view.read_only:
            client.view.box.remove(client.view.box.deleted())
        client.view = None
        self.hear(client, "CLOSE", reply, uid=False)

    def unselect(self, client, reply):
        assert reply.ok
        client.view = None
        self.hear(client, "UNSELECT", reply, uid=False)

    # Messages.

    def append(self, client, reply, name, count, flags):
        box = self.site.boxes.get(name)
        tokens = client.sent_tokens.popleft()
        if box is None:
            assert reply.refused("TRYCREATE"), "APPEND to no mailbox"
        else:
            assert reply.ok
            uids = box.add([(token, flags) for token in tokens])
            match = APPENDUID.search(reply.text)
            assert match, reply.text
            assert numbers(match[2]) == uids, (reply.text, uids)
            box.saw_uidvalidity(int(match[1]))
            for uid, token in zip(uids, tokens, strict=True):
                self.site.gave(box.uidvalidity, uid, token)
        self.after(client, "APPEND", reply)

    def store(self, client, reply, uid, ranges, sign, silent, flags, since):
        client.condstore |= since is not None
        positions, live = self.targets(client, ranges, uid=uid, reply=reply)
        if positions is None:
            return self.after(client, "STORE", reply, uid=uid)
        view = client.view
        box, entries = view.box, view.entries
        modified = set()
        if found := MODIFIED.search(reply.text):
            modified = set(numbers(found[1]))
            assert since is not None
        name = {at: entries[at].uid if uid else at + 1 for at in live}
        assert modified <= set(name.values()), (modified, name)
        changed, done = [], []
        for at in live:
            one = box.messages[entries[at].uid]
            above = one.stamp.above(since) if since is not None else False
            refused = name[at] in modified
            assert above is None or above == refused, (name[at], since, one.stamp.exact, modified)
            if not refused:
                done.append(at)
                if joined(one.flags, sign, flags) != one.flags:
                    changed.append(one)
        if changed:
            stamp = box.stamp()
            for one in changed:
                one.flags, one.stamp = joined(one.flags, sign, flags), stamp
        if len(live) == len(positions) or uid or modified:
            assert reply.ok, "STORE of what is there"
        else:
            assert reply.ok or reply.refused("EXPUNGEISSUED")
        kept = [entries[at] for at in done]
        if silent:
            for entry in kept:
                if entry.flags is not None:
                    entry.flags = joined(entry.flags, sign, flags)
        told = self.after(client, "STORE", reply, uid=uid)
        if not silent:
            assert all(entry.flags is not None for entry in kept), "flags that were not told"
            assert uid is False or all("UID" in inside for inside in told.values())
        return None

    def fetch(self, client, reply, uid, ranges, items, since):
        client.condstore |= since is not None or "MODSEQ" in items
        positions, live = self.targets(client, ranges, uid=uid, reply=reply)
        if positions is None:
            return self.after(client, "FETCH", reply, uid=uid)
        view = client.view
        entries, box = view.entries, view.box
        if since is not None:
            # Where nobody knows the MODSEQ, the server does.
            body = b"BODY" if "BODY" in items else b""
            lines = [line for line in reply.untagged if body in line]
            answered = {int(found[1]) - 1 for found in map(FETCH.match, lines) if found}
            above = {at: entries[at].stamp.above(since) for at in live}
            live = [at for at in live if above[at] or (above[at] is None and at in answered)]
        seen = [box.messages[entries[at].uid] for at in live if SEEN not in entries[at].told]
        if "BODY[]" in items and not view.read_only:
            seen = [one for one in seen if SEEN not in one.flags]
            if seen:
                low = box.stamp().low  # one change, or several
                for one in seen:
                    one.flags, one.stamp = one.flags | {SEEN}, Stamp(low)
        asked = [entries[at] for at in live]
        assert reply.ok or (reply.refused("EXPUNGEISSUED") and not uid)
        told = self.after(client, "FETCH", reply, uid=uid)
        word = {"F": "FLAGS", "B": "BODY"}.get(items[1], "")
        for entry in asked if word else ():
            assert word in told.get(entry, ()), f"UID {entry.uid} was asked and not answered"
        return None

    def search(self, client, reply, uid, words):
        view = client.view
        (line,) = [one for one in reply.untagged if one.startswith(b"* SEARCH")]
        numbers = set(map(int, line.split()[2:]))
        assert reply.ok
        for number, entry in enumerate(view.entries, 1):
            one = view.box.messages.get(entry.uid)
            if one is None:
                continue
            before, now = matches(words, entry.told), matches(words, one.flags)
            is_found = (entry.uid if uid else number) in numbers
            assert is_found in (before, now), (words, number, entry.uid, before, now)
        self.after(client, "SEARCH", reply, uid=uid)

    def copy(self, client, reply, uid, ranges, name, *, move=False):
        kind = "MOVE" if move else "COPY"
        positions, live = self.targets(client, ranges, uid=uid, reply=reply)
        view, target = client.view, self.site.boxes.get(name)
        if positions is None or target is None:
            assert reply.refused()
            return self.after(client, kind, reply)
        uids = [view.entries[at].uid for at in live]
        where = reply.text.encode() if not move else b"\n".join(reply.untagged)
        match = COPYUID.search(where)
        if not reply.ok:
            assert reply.refused("EXPUNGEISSUED")
            assert len(live) < len(positions)
            assert not match
            return self.after(client, kind, reply)
        if not uids:
            assert not match
            return self.after(client, kind, reply)
        sources = [view.box.messages[one] for one in uids]
        given = target.add([(one.token, one.flags) for one in sources])
        if move:
            view.box.remove(uids)
        assert match, f"{kind} without COPYUID"
        assert numbers(match[2].decode()) == uids
        assert numbers(match[3].decode()) == given, (match[0], given)
        target.saw_uidvalidity(int(match[1]))
        for one, source in zip(given, sources, strict=True):
            self.site.gave(target.uidvalidity, one, source.token)
        if move:
            first = [n for n, line in enumerate(reply.untagged) if line.endswith(b" EXPUNGE")]
            code = [n for n, line in enumerate(reply.untagged) if b"[COPYUID" in line]
            assert code < first[:1], "RFC 6851 §4.3: COPYUID comes first"
        return self.after(client, kind, reply)

    def move(self, client, reply, uid, ranges, name):
        self.copy(client, reply, uid, ranges, name, move=True)

    def expunge(self, client, reply, ranges=None):
        assert reply.ok
        box, view = client.view.box, client.view
        uids = box.deleted()
        if ranges is not None:
            top = view.entries[-1].uid if view.entries else 0
            spans = [sorted((low or top, high or top)) for low, high in ranges]
            uids = [uid for uid in uids if any(low <= uid <= high for low, high in spans)]
        box.remove(uids)
        self.after(client, "EXPUNGE", reply)
        if client.condstore and (found := HIGH.search(reply.text)):
            box.saw_high(int(found[1]))

    def uidexpunge(self, client, reply, ranges):
        self.expunge(client, reply, ranges)

    # Waiting.

    def noop(self, client, reply):
        assert reply.ok
        self.after(client, "NOOP", reply)

    def check(self, client, reply):
        self.noop(client, reply)

    def done(self, client, reply):
        """The end of IDLE, with all that was said since it began."""
        assert reply.ok
        if client.view is not None:
            client.view.behind = True
            self.hear(client, "DONE", reply, uid=False)
            client.view.catch_up()
            client.view.agree(ghosts=False)
            client.view.look()

    def enable(self, client, reply):
        assert reply.ok
        client.condstore = True
        self.after(client, "ENABLE", reply)

    # Mailboxes.

    def status(self, client, reply, name, modseq):
        box = self.site.boxes.get(name)
        client.condstore |= modseq and box is not None
        if box is None:
            assert reply.refused("NONEXISTENT")
            return self.after(client, "STATUS", reply)
        assert reply.ok
        (found,) = filter(None, map(STATUS.match, reply.untagged))
        words = found[2].split()
        told = dict(zip(words[::2], map(int, words[1::2]), strict=True))
        box.saw_uidvalidity(told.pop(b"UIDVALIDITY"))
        high = told.pop(b"HIGHESTMODSEQ", None)
        flags = [one.flags for one in box.messages.values()]
        assert told == {
            b"MESSAGES": len(flags),
            b"UIDNEXT": box.uidnext,
            b"UNSEEN": sum(SEEN not in one for one in flags),
            b"DELETED": sum(DELETED in one for one in flags),
        }, (told, box.uidnext, flags)
        if high is not None:
            box.saw_high(high)
        return self.after(client, "STATUS", reply)

    def list(self, client, reply):
        assert reply.ok
        matches = [one for one in map(LIST.match, reply.untagged) if one]
        assert sorted(one[2].decode() for one in matches) == sorted(self.site.boxes)
        self.after(client, "LIST", reply)

    def create(self, client, reply, name):
        if name in self.site.boxes:
            assert reply.refused("ALREADYEXISTS")
        else:
            assert reply.ok
            self.site.boxes[name] = Box()
        self.after(client, "CREATE", reply)

    def delete(self, client, reply, name):
        if name == "INBOX" or name not in self.site.boxes:
            assert reply.refused()
        else:
            assert reply.ok
            box = self.site.boxes.pop(name)
            box.gone = True
            if client.view is not None and client.view.box is box:
                client.view = None
        self.after(client, "DELETE", reply)

    def rename(self, client, reply, name, new_name):
        boxes = self.site.boxes
        if name not in boxes or new_name in boxes:
            assert reply.refused()
        elif name == "INBOX":
            # RFC 9051 §6.3.6: the messages move, INBOX stays.
            assert reply.ok
            inbox, target = boxes["INBOX"], Box()
            boxes[new_name] = target
            if inbox.messages:
                target.add([(one.token, one.flags) for one in inbox.messages.values()])
                inbox.remove(list(inbox.messages))
        else:
            assert reply.ok
            boxes[new_name] = boxes.pop(name)
        self.after(client, "RENAME", reply)


def matches(words, flags):
    """Whether a message with these flags is found."""
    if words[0] == "NOT":
        return not matches(words[1:], flags)
    if words[0] == "OR":
        return matches(words[1:2], flags) or matches(words[2:], flags)
    return all(_matches(word, flags) for word in words)


def _matches(word, flags):
    if word == "ALL":
        return True
    if "KEYWORD" in word:
        return (word.split()[1] in flags) != word.startswith("UN")
    name = word.removeprefix("UN")
    return (f"\\{name.capitalize()}" in flags) == (name == word)


def octets(command, tokens):
    """A command as it is sent, behind its tag. APPEND needs the tokens of its messages."""
    kind, *rest = command
    if kind in ("SELECT", "EXAMINE"):
        return f"{kind} {rest[0]}{rest[1]}".encode()
    if kind == "APPEND":
        out = [f"APPEND {rest[0]}".encode()]
        for token in tokens:
            text = f"From: a@example.net\r\nSubject: {token}\r\n\r\nbody\r\n".encode()
            out.append(b" (%b) {%d+}\r\n%b" % (" ".join(rest[2]).encode(), len(text), text))
        return b"".join(out)
    if kind == "STORE":
        uid, ranges, sign, silent, flags, since = rest
        unchanged = f" (UNCHANGEDSINCE {since})" if since is not None else ""
        words = (
            f"STORE {spell(ranges)}{unchanged} {sign}FLAGS{'.SILENT' * silent} ({' '.join(flags)})"
        )
        return ("UID " * uid + words).encode()
    if kind == "FETCH":
        uid, ranges, items, since = rest
        changed = f" (CHANGEDSINCE {since})" if since is not None else ""
        return f"{'UID ' * uid}FETCH {spell(ranges)} {items}{changed}".encode()
    if kind == "SEARCH":
        return f"{'UID ' * rest[0]}SEARCH {' '.join(rest[1])}".encode()
    if kind in ("COPY", "MOVE"):
        return f"{'UID ' * rest[0]}{kind} {spell(rest[1])} {rest[2]}".encode()
    if kind == "UIDEXPUNGE":
        return f"UID EXPUNGE {spell(rest[0])}".encode()
    if kind == "STATUS":
        items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED" + " HIGHESTMODSEQ" * rest[1]
        return f"STATUS {rest[0]} ({items})".encode()
    if kind == "ENABLE":
        return b"ENABLE CONDSTORE"
    if kind == "LIST":
        return b'LIST "" *'
    return " ".join(command).encode()
