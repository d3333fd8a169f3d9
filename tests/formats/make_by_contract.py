"""What no protocol and no command of format 2's time could do: annotations, documents of another
kind, and the attempts of a queue's runner. Done by the contracts, in another process beside the
running server; the last step dies while it holds an entry.

    python make_by_contract.py STEP CONFIG…

Run with the programs of then (see make.py); kept as the record of what was done.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from thurn.app.command import Opener
from thurn.contracts.queue import RecipientResult
from thurn.types.identity import AccountId
from thurn.types.status import Status

BUSY = Status(451, "4.7.1", "Grüße: come again later")
SENT = Status(250, "2.0.0", "Ok")
RETRY_SECONDS = 1.0
"""Seconds until the entry is due: soon, so that the test can lease it."""


async def annotate(site, account, mailbox, note):
    handle = await site.open_account(AccountId(account))
    await handle.annotate("/private/comment", f"account {note}".encode())
    await handle.annotate("/shared/vendor/example/gone", b"soon")
    await handle.annotate("/shared/vendor/example/gone", None)
    opened = await handle.mailbox(mailbox)
    await opened.annotate("/private/comment", f"mailbox {note} ü".encode())
    await opened.annotate("/shared/comment", b"for all")
    await handle.put_document("note", f"Notiz {note}", b"first")
    await handle.put_document("note", f"Notiz {note}", b"second")


def queue_of(site):
    [(_, queue)] = site.instances("queue")
    return queue


async def lease_due(queue):
    """All at once: an entry that is given back would be the next again."""
    now = time.time()
    entries = [one for one in await queue.entries() if (one.retry_at or 0) <= now]
    return [await queue.next_lease() for _ in entries]


async def attempt(site):
    """Each entry by what its first recipient is called."""
    queue = queue_of(site)
    for lease in await lease_due(queue):
        local = lease.envelope.recipients[0].address.local
        results = [RecipientResult(one, BUSY) for one in lease.envelope.recipients]
        if local.startswith("routed"):
            await lease.route(f"mx.{local}.example")
            await lease.release()
        elif local.startswith("tried"):
            await lease.settle(results, retry_at=time.time() + RETRY_SECONDS)
        elif local.startswith("half"):
            results[0] = RecipientResult(lease.envelope.recipients[0], SENT)
            await lease.settle(results, retry_at=None)
        elif local.startswith("sent"):
            done = [RecipientResult(one.recipient, SENT) for one in results]
            await lease.settle(done, retry_at=None)
        elif local.startswith("removed"):
            assert await queue.remove(lease.id)
        else:
            await lease.release()


async def first(site):
    await annotate(site, ACCOUNTS[0], "INBOX", "first")
    await attempt(site)


async def second(site):
    await annotate(site, ACCOUNTS[1], "INBOX", "second")
    await attempt(site)


async def die(site):
    """Hold an entry, and be killed."""
    await queue_of(site).next_lease()
    os.kill(os.getpid(), signal.SIGKILL)


STEPS = {"first": first, "second": second, "die": die}
ACCOUNTS = ("id-alice", "id-bob")

if __name__ == "__main__":
    Opener().run(
        STEPS[sys.argv[1]],
        config=[Path(word) for word in sys.argv[2:]],
        roles=("store", "queue"),
    )
