"""The grammar of commands: octets to `command` values, table by table, open for extensions.

`registry.py` has the tables (`Grammar`), `builtin.py` fills them with the base commands,
`word.py` reads the words that all of them share; each other file is a family of commands.
RFC 9051 §9.
"""

from __future__ import annotations
