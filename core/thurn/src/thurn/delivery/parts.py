"""What the delivery of one listener consists of; made once, when the site opens."""

from __future__ import annotations

from dataclasses import dataclass

from thurn.chain.supervision import Supervised, Supervision
from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.context import Diagnostics
from thurn.contracts.outgoing import EntryKind
from thurn.contracts.queue import Queue
from thurn.delivery.local import LocalDelivery
from thurn.delivery.outgoing import OutgoingStage


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """Everything that the steps of a delivery use.

    Attributes:
        kind: the kind of the entries of what this listener receives: submitted or relayed.
        outgoing: the site's stage `outgoing`.
        queue: the site's queue; None: nothing can wait or go elsewhere.
    """

    kind: EntryKind
    hostname: str
    directory: Directory
    local: LocalDelivery
    outgoing: OutgoingStage
    queue: Supervised[Queue] | None
    commit_log: CommitLog
    clock: Clock
    diagnostics: Diagnostics
    supervision: Supervision
