"""SPECIAL-USE and CREATE-SPECIAL-USE. RFC 6154.

Attributes are told in every LIST; CREATE with USE is in `commands/create.py`.
"""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.extension import ImapExtension, Listed, ListReturn, after_login


def _has_use(listed: Listed) -> bool:
    return listed.record is not None and bool(listed.record.special_use)


SPECIAL_USE: Final = ImapExtension(
    name="special-use",
    capabilities=after_login("SPECIAL-USE", "CREATE-SPECIAL-USE"),
    list_selections={"SPECIAL-USE": _has_use},
    list_returns={"SPECIAL-USE": ListReturn()},
)
