"""A worker that queues and settles until it is killed; says on stdout what was confirmed.

    python killed_worker.py DIRECTORY NAME

`in NAME` after the commit of an entry returned, `out NAME` after the settling of its lease did.
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio
from thurn.log import LogSettings, Settler, open_log, recover
from thurn.plugin import Address, Envelope, NoSettings, Recipient, RecipientResult
from thurn.types.status import OK
from thurn_queue_spool.factory import spool
from thurn_testing.contracts.loghost import SystemTime
from thurn_testing.contracts.storesite import message
from thurn_testing.fakes.context import FakeContext, Given

SETTINGS = LogSettings(segment_octets=1 << 16, seal_after_seconds=0.1)


def say(*words):
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def put(queue, log, name):
    for count in range(1_000_000):
        subject = f"{name}-{count}"
        recipient = Recipient(Address.parse(f"{subject}@example.net"))
        envelope = Envelope(None, (recipient,))
        deposit = queue.prepare(envelope, message(subject), key=subject)
        await log.commit(deposit.changes)
        say("in", subject)


async def take(queue):
    while True:
        lease = await queue.next_lease()
        (recipient,) = lease.envelope.recipients
        assert recipient.address.local.encode() in (await lease.content()).read()
        say("try", recipient.address.local)
        await lease.finish([RecipientResult(recipient, OK)], retry_at=None)
        say("out", recipient.address.local)


async def main(directory: Path, name: str):
    clock = SystemTime()
    async with open_log(directory / "log", clock=clock, settings=SETTINGS) as log:
        context = FakeContext(
            directory / "queue", name="queue.kit", clock=clock, given=Given(commit_log=log)
        )
        async with spool.open(NoSettings(), context) as queue, trio.open_nursery() as nursery:
            await trio.to_thread.run_sync(
                lambda: recover(directory / "log", log.owners, clock=clock)
            )
            say("ready", "-")
            if name.endswith("w0"):  # a site has one settler
                nursery.start_soon(Settler(directory / "log", log.owners, clock=clock).run)
            for number in range(3):
                nursery.start_soon(put, queue, log, f"{name}-{number}")
            nursery.start_soon(take, queue)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2])
