"""Several clients at one mailbox, each with a model of what it was told: no command may contradict
it, and at rest all agree with the store. Seeded, so that a failure can be had again."""

from __future__ import annotations

import random
import re

import pytest

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "$a", "$b")
NUMBERED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)", re.DOTALL)
FLAG_LIST = re.compile(rb"FLAGS \(([^)]*)\)")
UID = re.compile(rb"UID (\d+)")


class Client:
    """What one client knows: for each message its UID and flags, None where it was not told."""

    def __init__(self, world, peer, name):
        self.world, self.peer, self.name = world, peer, name
        self.known = []

    async def say(self, command, *, expunge):
        answer = await self.world.say(self.peer, command.encode() + b"\r\n")
        *lines, last = answer.split(b"\r\n")[:-1]
        assert last.startswith((b"x OK", b"x NO")), (command, answer)
        for line in lines:
            self.hear(line, command, expunge=expunge)
        return lines

    def hear(self, line, command, *, expunge):
        found = NUMBERED.match(line)
        if found is None:
            return
        number, word, rest = int(found[1]), found[2], found[3]
        if word == b"EXISTS":
            assert number >= len(self.known), (self.name, command, line)
            self.known += [[None, None] for _ in range(number - len(self.known))]
            return
        assert 1 <= number <= len(self.known), (self.name, command, line)
        if word == b"EXPUNGE":
            assert expunge, (self.name, command, line)
            del self.known[number - 1]
            return
        uid, flags = UID.search(rest), FLAG_LIST.search(rest)
        entry = self.known[number - 1]
        if uid is not None:
            assert entry[0] in (None, int(uid[1])), (self.name, command, line)
            entry[0] = int(uid[1])
        if flags is not None:
            entry[1] = frozenset(flags[1].split())

    async def agree(self, view):
        """Everything that the store has, and nothing else, is known by now."""
        await self.say("x NOOP", expunge=True)
        told = [entry[1] for entry in self.known]
        await self.say("x UID FETCH 1:* (FLAGS)", expunge=False)
        assert [entry[0] for entry in self.known] == list(view.uids)
        real = [
            frozenset(name.encode() for bit, name in enumerate(view.flag_names) if mask >> bit & 1)
            for mask in view.flags
        ]
        assert [entry[1] for entry in self.known] == real
        for before, now in zip(told, real, strict=True):
            assert before in (None, now), self.name  # changes were told, not only asked for


def some_set(choice, count):
    low = choice.randint(1, count)
    return f"{low}:{choice.randint(1, count)}" if choice.random() < 0.6 else str(low)


async def step(world, choice, client):
    """One random command."""
    count = len(client.known)
    what = choice.random()
    if what < 0.12:
        await world.deliver(b"Subject: new\r\n\r\nx\r\n")
    elif what < 0.2:
        await client.say("x NOOP", expunge=True)
    elif what < 0.3:
        await client.say("x EXPUNGE", expunge=True)
    elif what < 0.35:
        await client.say("x UID EXPUNGE 1:*", expunge=True)
    elif not count:
        return
    elif what < 0.6:
        uid = choice.random() < 0.4
        sign = choice.choice(("+", "-", ""))
        flags = " ".join(choice.sample(FLAGS, choice.randint(0, 3)))
        silent = choice.random() < 0.4
        numbers = some_set(choice, count)
        if uid:
            numbers = some_set(choice, max(entry[0] or 1 for entry in client.known))
        before = [list(entry) for entry in client.known]
        command = f"x {'UID ' * uid}STORE {numbers} {sign}FLAGS{'.SILENT' * silent} ({flags})"
        await client.say(command, expunge=uid)
        if silent:  # what the client has set itself it knows, or no longer knows
            for entry in client.known:
                if entry in before:
                    entry[1] = None
    elif what < 0.75:
        uid = choice.random() < 0.3
        numbers = some_set(choice, 20 if uid else count)
        await client.say(f"x {'UID ' * uid}FETCH {numbers} (FLAGS BODY[TEXT]<0.1>)", expunge=uid)
    elif what < 0.85:
        uid = choice.random() < 0.3
        await client.say(f"x {'UID ' * uid}SEARCH NOT DELETED", expunge=uid)
    elif what < 0.95:
        await client.say(f"x COPY {some_set(choice, count)} INBOX", expunge=True)
    else:
        await client.say(f"x MOVE {some_set(choice, count)} INBOX", expunge=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("store", ["memory", "spool"])
async def test_clients_are_never_told_what_is_not_so(open_world, store, seed, mock_clock):
    choice = random.Random(seed)
    async with open_world(store) as world:
        clients = []
        for name in "abc":
            client = Client(world, await world.log_in(select=""), name)
            if name == "c":
                await client.say("x ENABLE CONDSTORE", expunge=False)
            await client.say("x SELECT INBOX", expunge=False)
            clients.append(client)
        for _round in range(12):
            for _ in range(15):
                client = choice.choice(clients)
                await step(world, choice, client)
                if len(client.known) > 120:
                    await client.say("x STORE 20:* +FLAGS.SILENT (\\Deleted)", expunge=False)
                    for entry in client.known:
                        entry[1] = None
                    await client.say("x EXPUNGE", expunge=True)
            view = await (await world.mailbox()).view()
            for client in clients:
                await client.agree(view)
