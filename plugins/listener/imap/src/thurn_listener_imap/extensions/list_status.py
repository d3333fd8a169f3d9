"""LIST-STATUS: the option STATUS of LIST RETURN, which `commands/list.py` answers. RFC 5819."""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.extension import ImapExtension, after_login

LIST_STATUS: Final = ImapExtension(name="list-status", capabilities=after_login("LIST-STATUS"))
