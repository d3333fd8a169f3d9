"""Random commands as lists that can be written down and done again: [kind, arguments …].

A set of numbers is a list of [low, high], 0 for `*`.
"""

from __future__ import annotations

FLAGS = ("\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "$Work", "later")
NAMES = ("INBOX", "A", "B", "C")
ITEMS = (
    "(FLAGS)",
    "(UID FLAGS)",
    "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
    "(BODY[])",
    "(UID FLAGS MODSEQ)",
    "(RFC822.SIZE INTERNALDATE)",
)
KEYS = (
    "ALL",
    "SEEN",
    "UNSEEN",
    "DELETED",
    "UNDELETED",
    "FLAGGED",
    "KEYWORD $Work",
    "UNKEYWORD later",
)
LITTLE = ("DONE",)


def spell(ranges):
    return ",".join(
        str(low or "*") if low == high else f"{low or '*'}:{high or '*'}" for low, high in ranges
    )


class Chooser:
    """Chooses by what clients and model are; the same seed chooses the same.

    `shapes` says whether mailboxes are deleted and renamed."""

    def __init__(self, random, *, shapes=True):
        self.random, self.shapes = random, shapes

    def burst(self, client):
        """Some commands that are sent together."""
        if client.idling:
            return [["DONE"]]
        if client.view is not None and client.view.box is not None and client.view.box.gone:
            return [
                self.random.choice((["NOOP"], ["SELECT", "INBOX", ""], ["CLOSE"], ["UNSELECT"]))
            ]
        if client.view is None and self.random.random() < 0.8:
            return [self.select()]
        count = self.random.choice((1, 1, 2, 3, 5, 8))
        commands = [self.one(client) for _ in range(count)]
        for at, command in enumerate(commands):
            if command[0] == "IDLE":
                return commands[: at + 1]
        return commands

    def select(self):
        word = self.random.choice(("SELECT", "SELECT", "SELECT", "EXAMINE"))
        name = self.random.choice(("INBOX", "INBOX", "INBOX", *NAMES))
        return [word, name, " (CONDSTORE)" if self.random.random() < 0.1 else ""]

    def ranges(self, client, *, uid):
        random, view = self.random, client.view
        count = len(view) if view is not None else 3
        top = count
        if uid and count and view is not None:
            known = view.entries[-1].uid or count
            low = view.entries[0].uid or 1
        else:
            low, known = 1, top
        found = []
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            first = random.randint(low, max(low, known))
            if random.random() < 0.6:
                found.append([first, first])
            else:
                last = (
                    0
                    if random.random() < 0.2
                    else min(max(low, known), first + random.randint(0, 6))
                )
                found.append([first, last])
        if random.random() < 0.01:
            found.append([known + 5, known + 5])
        return found

    def flags(self, most=3):
        return self.random.sample(FLAGS, self.random.randint(0, most))

    def since(self, client):
        box = client.view.box if client.view is not None else None
        if box is None:
            return self.random.choice((1, 10**9))
        exact = [one.stamp.exact for one in box.messages.values() if one.stamp.exact]
        return self.random.choice((*exact[-3:], box.high, 1)) or 1

    def one(self, client):
        random = self.random
        what = random.random() * 100
        uid = random.random() < 0.4
        size = len(client.view) if client.view is not None else 0
        if size > 40 and what < 12:
            return ["STORE", True, [[1, 0]], "+", True, ["\\Deleted"], None]
        if what < 14 and size < 60:
            count = random.choice((1, 1, 1, 2, 3))
            return ["APPEND", random.choice((*NAMES, "INBOX", "INBOX")), count, self.flags(2)]
        if what < 36:
            since = self.since(client) if random.random() < 0.15 else None
            sign = random.choice(("+", "+", "-", ""))
            silent = random.random() < 0.4
            return ["STORE", uid, self.ranges(client, uid=uid), sign, silent, self.flags(), since]
        if what < 50:
            since = self.since(client) if random.random() < 0.1 else None
            return ["FETCH", uid, self.ranges(client, uid=uid), random.choice(ITEMS), since]
        if what < 57:
            return ["SEARCH", uid, self.key(client)]
        if what < 63:
            return ["COPY", uid, self.ranges(client, uid=uid), random.choice(NAMES)]
        if what < 68:
            return ["MOVE", uid, self.ranges(client, uid=uid), random.choice(NAMES)]
        if what < 74:
            return ["EXPUNGE"]
        if what < 77:
            return ["UIDEXPUNGE", self.ranges(client, uid=True)]
        if what < 84:
            return [random.choice(("NOOP", "NOOP", "CHECK"))]
        if what < 88:
            return ["STATUS", random.choice(NAMES), random.random() < 0.2]
        if what < 91:
            return ["IDLE"]
        if what < 95:
            return self.select()
        if what < 96:
            return [random.choice(("CLOSE", "UNSELECT"))]
        if what < 96.3:
            return ["ENABLE"]
        if what < 97:
            return ["LIST"]
        return self.shape()

    def shape(self):
        random = self.random
        what = random.random() if self.shapes else 0
        if what < 0.55:
            return ["CREATE", random.choice(NAMES[1:])]
        if what < 0.75:
            return ["DELETE", random.choice(NAMES)]
        return [
            "RENAME",
            random.choice(NAMES if random.random() < 0.3 else NAMES[1:]),
            random.choice(NAMES),
        ]

    def key(self, client):
        random = self.random
        words = random.sample(KEYS, random.randint(1, 2))
        if random.random() < 0.3:
            words = ["NOT", words[0]]
        elif random.random() < 0.2 and len(words) == 2:
            words = ["OR", *words]
        return words
