"""The POP3 engines: server and client side without sockets, clocks or stores.

RFC 1939, 2449 (CAPA), 2595 (STLS), 3206 (response codes), 5034 (AUTH). Start at `server.py`; the
ways through a session are the tables of `state.py`, every bound stands in `limits.py`.
"""

from __future__ import annotations
