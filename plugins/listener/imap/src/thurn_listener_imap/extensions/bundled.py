"""All extensions of this distribution, in the order in which they are announced."""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.extensions.appendlimit import APPENDLIMIT
from thurn_listener_imap.extensions.binary import BINARY
from thurn_listener_imap.extensions.children import CHILDREN
from thurn_listener_imap.extensions.condstore import CONDSTORE
from thurn_listener_imap.extensions.esearch import ESEARCH
from thurn_listener_imap.extensions.identification import IDENTIFICATION
from thurn_listener_imap.extensions.list_extended import LIST_EXTENDED
from thurn_listener_imap.extensions.list_status import LIST_STATUS
from thurn_listener_imap.extensions.move import MOVE
from thurn_listener_imap.extensions.namespace import NAMESPACE
from thurn_listener_imap.extensions.rev2 import REV2
from thurn_listener_imap.extensions.searchres import SEARCHRES
from thurn_listener_imap.extensions.special_use import SPECIAL_USE
from thurn_listener_imap.extensions.status_size import STATUS_SIZE
from thurn_listener_imap.extensions.uidplus import UIDPLUS
from thurn_listener_imap.extensions.unselect import UNSELECT

BUNDLED: Final = (
    NAMESPACE,
    UNSELECT,
    UIDPLUS,
    MOVE,
    CHILDREN,
    REV2,
    IDENTIFICATION,
    SPECIAL_USE,
    LIST_EXTENDED,
    LIST_STATUS,
    STATUS_SIZE,
    ESEARCH,
    SEARCHRES,
    BINARY,
    CONDSTORE,
    APPENDLIMIT,
)
