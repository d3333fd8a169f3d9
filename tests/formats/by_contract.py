"""What no protocol shows: the queue, annotations, every account of the stores, and what the change
log says of each mailbox. Read as a command reads it, by the contracts, beside the running server.

    python by_contract.py CONFIG…       one JSON document on standard output
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path

import trio
from thurn.app.command import Opener

LEASE_SECONDS = 5.0
"""For what is due, which is leased at once; what is not is read without its content."""


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


async def mailbox_facts(handle, record):
    mailbox = await handle.mailbox(record.name)
    log = await mailbox.changes(0)
    annotations = await mailbox.annotations()
    return {
        "uidvalidity": record.uidvalidity,
        "uidnext": record.uidnext,
        "highestmodseq": record.highestmodseq,
        "messages": record.messages,
        "unseen": record.unseen,
        "deleted": record.deleted,
        "size_octets": record.size_octets,
        "special_use": sorted(record.special_use),
        "subscribed": record.subscribed,
        "vanished": list(log.vanished),
        "log_is_complete": log.complete,
        "annotations": {name: value.decode() for name, value in annotations.items()},
    }


async def documents_of(handle, kind):
    facts = {}
    for document in await handle.documents(kind):
        history = await handle.document_history(kind, document.name)
        facts[document.name] = {
            "active": document.active,
            "versions": [[one.version, digest(one.content)] for one in history],
        }
    return facts


async def account_facts(handle):
    annotations = await handle.annotations()
    return {
        "mailboxes": {
            record.name: await mailbox_facts(handle, record) for record in await handle.mailboxes()
        },
        "subscriptions": sorted(await handle.subscriptions()),
        "annotations": {name: value.decode() for name, value in annotations.items()},
        "documents": {kind: await documents_of(handle, kind) for kind in ("sieve", "note")},
    }


async def store_facts(store):
    return {
        str(account): await account_facts(await store.open(account, None))
        for account in sorted(await store.accounts())
    }


def address(one):
    return None if one is None else str(one)


def recipient_facts(recipient):
    return {
        "address": address(recipient.address),
        "original": address(recipient.original),
        "parameters": dict(recipient.parameters),
    }


def entry_facts(entry):
    status = entry.last_status
    return {
        "sender": address(entry.envelope.sender),
        "parameters": dict(entry.envelope.parameters),
        "recipients": [recipient_facts(one) for one in entry.envelope.recipients],
        "size_octets": entry.size_octets,
        "queued_at": entry.queued_at,
        "retry_at": entry.retry_at,
        "tries": entry.tries,
        "last_status": status and [status.code, status.enhanced, status.text],
    }


async def queue_facts(queue):
    """Every entry; content and destination of those that are due now, which are given back."""
    facts = {entry.id: entry_facts(entry) for entry in await queue.entries()}
    due = sum((fact["retry_at"] or 0) <= time.time() for fact in facts.values())
    with trio.fail_after(LEASE_SECONDS):
        leases = [await queue.next_lease() for _ in range(due)]
    for lease in leases:
        content = await lease.content()
        facts[lease.id] |= {"sha256": digest(content.read()), "destination": lease.destination}
    for lease in leases:
        await lease.release()
    return facts


async def everything(site):
    return {
        "stores": {name: await store_facts(store) for name, store in site.instances("store")},
        "queues": {name: await queue_facts(queue) for name, queue in site.instances("queue")},
    }


if __name__ == "__main__":
    found = Opener().run(
        everything, config=[Path(word) for word in sys.argv[1:]], roles=("store", "queue")
    )
    print(json.dumps(found))  # noqa: T201 - that is its answer
