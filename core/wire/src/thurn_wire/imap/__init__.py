"""The IMAP engines: server and client side without sockets, clocks or stores.

RFC 3501, 9051, 2177, 2342, 2971, 3502, 4315, 4466, 4731, 4959, 5161, 5258, 5819, 6154, 6851, 7162
(CONDSTORE), 7888, 7889, 8438. Start at `server.py`; what a command says is in `command.py`, what
may be said when is in `state.py`, every bound stands in `limits.py`, the doors for extensions are
in `grammar.py`.
"""

from __future__ import annotations
