"""Plays commands on several connections: one at a time against the model, or all at once.

A game is a list of steps: [client, [command, …]]; it can be played again, whole or in part. When
one fails, `shrink` plays parts of it on fresh accounts and keeps the smallest that still fails.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter, deque
from random import Random

from gateway import PASSWORD, worker_of
from model import Site
from oracle import APPENDUID, COPYUID, Oracle, Reply, numbers, octets
from rawimap import Imap
from verbs import Chooser
from view import View

AFTER_DELETION = ("NOOP", "SELECT", "CLOSE", "UNSELECT", "DONE")
CLIENTS = 4
CHECKPOINT_STEPS = 40


class Failed(AssertionError):
    """A step in which the server was wrong."""


class Client:
    """One connection and what it knows."""

    def __init__(self, port, account, name):
        self.port, self.account, self.name = port, account, name
        self.connect()

    def connect(self):
        self.imap = Imap(self.port)
        self.imap.good(f'LOGIN {self.account} "{PASSWORD}"'.encode())
        self.view, self.condstore, self.idling = None, False, None
        self.sent_tokens = deque()
        self.sent = deque()
        self.worker = worker_of(self.imap.socket)

    def send(self, commands, site):
        """Send them together; they are answered by `answers`."""
        out = []
        for command in commands:
            tokens = []
            if command[0] == "APPEND":
                tokens = [site.token() for _ in range(command[2])]
                self.sent_tokens.append(tokens)
            if command[0] == "DONE":
                if self.idling is None:
                    continue
                out.append(b"DONE\r\n")
                self.sent.append((command, self.idling))
                self.idling = None
                continue
            tag = self.imap.tag()
            out.append(tag + b" " + octets(command, tokens) + b"\r\n")
            self.sent.append((command, tag))
        self.imap.send(b"".join(out))

    def answers(self):
        """(command, reply) of each that was sent; the reply is None at a BYE."""
        while self.sent:
            command, tag = self.sent.popleft()
            if command[0] == "IDLE":
                line = self.imap.response()
                assert line.startswith(b"+"), line
                self.idling = tag
                continue
            untagged = []
            while True:
                line = self.imap.response()
                if line.startswith(tag + b" "):
                    yield command, Reply(untagged, line[len(tag) + 1 :])
                    break
                if not line or line.startswith(b"* BYE"):
                    self.sent.clear()
                    yield command, None
                    return
                untagged.append(line)


def spread(port, account, count, workers):
    """So many clients, on as many workers as there are (the kernel chooses)."""
    clients = []
    for number in range(count):
        client = Client(port, account, number)
        for _ in range(40):
            load = Counter(one.worker for one in clients)
            if client.worker is None or load[client.worker] < -(-count // workers):
                break
            client.imap.close()
            client.connect()
        clients.append(client)
    return clients


class Game:
    """A site under test, with its model when one command is done at a time."""

    def __init__(self, port, account, workers):
        self.site = Site()
        self.oracle = Oracle(self.site)
        self.clients = spread(port, account, CLIENTS, workers)
        self.assigned = set()  # (UIDVALIDITY, UID) of APPENDUID and COPYUID
        self.steps, self.count = [], 0

    def close(self):
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.imap.close()

    # One command at a time.

    def step(self, number, commands):
        """Play a step and judge it."""
        self.steps.append([number, commands])
        client = self.clients[number]
        gone = client.view is not None and client.view.box.gone
        if gone:
            commands = [one for one in commands[:1] if one[0] in AFTER_DELETION] or [["NOOP"]]
        if client.idling and commands != [["DONE"]]:
            commands = [["DONE"]]
        command = None
        try:
            client.send(commands, self.site)
            for command, reply in client.answers():
                self.count += 1
                if reply is None:
                    assert gone, "BYE"
                    client.imap.close()
                    client.connect()
                    return
                if gone and command[0] in ("CLOSE", "UNSELECT"):
                    client.view = None
                    continue
                if gone and command[0] != "SELECT":
                    # RFC 2180 §3.4: the tagged answer, then BYE.
                    farewell = client.imap.response()
                    assert farewell.startswith(b"* BYE"), farewell
                    client.imap.close()
                    client.connect()
                    return
                self.oracle.judge(client, command, reply)
        except (AssertionError, KeyError, ValueError, OSError) as error:
            text = f"client {number}, {command}: {type(error).__name__}: {error}"
            with contextlib.suppress(NameError, AttributeError):
                text += f"\n  {reply.text}\n  " + "\n  ".join(map(repr, reply.untagged[-30:]))
            raise Failed(text) from error

    def checkpoint(self):
        """Every client hears all updates, and asks for the rest."""
        for number, client in enumerate(self.clients):
            if client.idling:
                self.step(number, [["DONE"]])
            self.step(number, [["NOOP"], ["FETCH", True, [[1, 0]], "(UID FLAGS)", None]])
            if client.view is not None:
                self.step(
                    number,
                    [["FETCH", True, [[1, 0]], "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])", None]],
                )

    def play(self, seed, count):
        random = Random(seed)
        chooser = Chooser(random)
        while self.count < count:
            if len(self.steps) % CHECKPOINT_STEPS == CHECKPOINT_STEPS - 1:
                self.checkpoint()
            number = random.randrange(len(self.clients))
            self.step(number, chooser.burst(self.clients[number]))
        self.checkpoint()

    def replay(self, steps):
        for number, commands in steps:
            self.step(number, commands)

    # All at once: only what must hold whatever the order.

    def play_together(self, seed, count):
        random = Random(seed)
        chooser = Chooser(random, shapes=False)
        rounds = 0
        while self.count < count:
            rounds += 1
            busy = [one for one in self.clients if random.random() < 0.9]
            for client in busy:
                client.send(chooser.burst(client), self.site)
            for client in busy:
                self.hear_all(client)
            if rounds % 25 == 0:
                self.agree_together()
        self.agree_together()

    def hear_all(self, client):
        for command, reply in client.answers():
            self.count += 1
            try:
                assert reply is not None, "BYE"
                self.obey(client, command, reply)
            except AssertionError as error:
                raise Failed(
                    f"client {client.name}, {command}: {error}\n  {reply and reply.text}"
                ) from error

    def obey(self, client, command, reply):
        """The rules of views and UIDs."""
        kind, uid = command[0], len(command) > 1 and command[1] is True
        tokens = client.sent_tokens.popleft() if kind == "APPEND" else ()
        if kind in ("SELECT", "EXAMINE"):
            client.view = View(command[1], None, kind == "EXAMINE") if reply.ok else None
            client.condstore |= bool(command[2])
        for code in reply.untagged:
            if client.view is not None and code.startswith(b"* OK [UIDVALIDITY "):
                client.view.uidvalidity = int(code[18:-1].split(b"]")[0])
        if kind in ("CLOSE", "UNSELECT") and reply.ok:
            client.view = None
        if kind == "STORE" and client.view is not None:
            for entry in client.view.entries:
                entry.flags = None  # another's change may lie below it
        self.oracle.hear(client, kind, reply, uid=uid)
        if found := APPENDUID.search(reply.text):
            for one, token in zip(numbers(found[2]), tokens, strict=True):
                self.assign(int(found[1]), one)
                self.site.gave(int(found[1]), one, token)
        for text in (reply.text.encode(), *reply.untagged):
            if found := COPYUID.search(text):
                for one in numbers(found[3].decode()):
                    self.assign(int(found[1]), one)

    def assign(self, uidvalidity, uid):
        assert (uidvalidity, uid) not in self.assigned, f"UID {uid} given twice"
        self.assigned.add((uidvalidity, uid))

    def agree_together(self):
        """Nobody is busy: all who have selected the same mailbox know the same."""
        seen = {}
        for client in self.clients:
            commands = [["DONE"]] if client.idling else []
            client.send([*commands, ["NOOP"]], self.site)
            self.hear_all(client)
            if client.view is None:
                continue
            told = [entry.flags for entry in client.view.entries]
            client.send(
                [
                    ["FETCH", True, [[1, 0]], "(UID FLAGS)", None],
                    ["FETCH", True, [[1, 0]], "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])", None],
                ],
                self.site,
            )
            self.hear_all(client)
            now = [(entry.uid, entry.flags) for entry in client.view.entries]
            assert len(told) == len(now), "NOOP did not tell all"
            for before, (uid, flags) in zip(told, now, strict=True):
                assert before in (None, flags), f"UID {uid}: told {before}, has {flags}"
            name = client.view.uidvalidity
            assert seen.setdefault(name, now) == now, f"clients disagree: {seen[name]} and {now}"


def shrink(play, steps, seconds):
    """The smallest list of steps found that still fails; `play` raises Failed."""

    def fails(some):
        try:
            play(some)
        except Failed:
            return True
        return False

    single = [[number, [command]] for number, commands in steps for command in commands]
    if fails(single):
        steps = single
    until, size = time.monotonic() + seconds, max(1, len(steps) // 2)
    while size and time.monotonic() < until:
        start, smaller = 0, False
        while start < len(steps) and time.monotonic() < until:
            some = steps[:start] + steps[start + size :]
            if fails(some):
                steps, smaller = some, True
            else:
                start += size
        if not smaller or size > 1:
            size = size // 2 if size > 1 else (1 if smaller else 0)
    return steps


def run(port, accounts, seed, count, *, workers, together=False, shrink_seconds=20):
    """Play a game; (commands, workers used, seconds). The first account of `accounts` is used, the
    others are for shrinking.

    Raises:
        AssertionError: with the seed, what was wrong, and the steps that show it.
    """
    start = time.monotonic()
    game = Game(port, next(accounts), workers)
    used = len({client.worker for client in game.clients})
    try:
        (game.play_together if together else game.play)(seed, count)
    except Failed as error:
        steps = game.steps
        if not together:

            def again(some):
                other = Game(port, next(accounts), workers)
                try:
                    other.replay(some)
                finally:
                    other.close()

            with contextlib.suppress(StopIteration):
                steps = shrink(again, steps, shrink_seconds)
        shown = "\n".join(json.dumps(one) for one in steps[-40:])
        raise AssertionError(f"seed {seed}: {error}\n{len(steps)} steps:\n{shown}") from error
    finally:
        game.close()
    return game.count, used, time.monotonic() - start
