"""The grammar of commands: what the server reads, by tables that are open for extensions.

`registry.py` has the tables (`Grammar`), `builtin.py` fills them with the base commands, and
`word.py` reads the words that all commands share. Each other file is a family of commands.
RFC 9051 §9.
"""

from __future__ import annotations
