"""What happened to a mailbox after a MODSEQ, for sessions that were away. RFC 7162 §3.2."""

from __future__ import annotations

from array import array

import apsw
from thurn.plugin import Changes

from thurn_store_spool.cache.columns import Columns
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.operation.kind import Expunged, decode_operation
from thurn_store_spool.operation.uidset import unpack


def changes_since(
    connection: apsw.Connection, columns: Columns, mailbox: int, since: int
) -> Changes:
    """What happened between a MODSEQ and the view of these columns."""
    view = columns.view
    modseqs = view.modseqs
    at: list[int] = []
    if since < view.highestmodseq:
        at = [n for n, modseq in enumerate(modseqs) if modseq > since]
    pruned = select_one(connection, "SELECT pruned FROM floor")[0]
    vanished: set[int] = set()
    for (packed,) in select(
        connection,
        "SELECT operation FROM change WHERE modseq > ? AND modseq <= ? AND mailbox = ?"
        " AND operation IS NOT NULL",
        (since, columns.as_of, mailbox),
    ):
        operation = decode_operation(packed)
        if isinstance(operation, Expunged):
            vanished.update(unpack(operation.uids))
    return Changes(
        highestmodseq=view.highestmodseq,
        uidnext=view.uidnext,
        flag_names=view.flag_names,
        changed=array("I", [view.uids[n] for n in at]),
        flags=array("Q", [view.flags[n] for n in at]),
        modseqs=array("Q", [modseqs[n] for n in at]),
        sizes=array("Q", [view.sizes[n] for n in at]),
        received=array("q", [view.received[n] for n in at]),
        vanished=array("I", sorted(vanished)),
        complete=since >= pruned,
    )
