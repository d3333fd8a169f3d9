"""Commands as octets: what the client sends, from the same values that the server reads.

`word.py` writes words, `key.py` search keys, `command.py` commands. `grammar` reads what is written
here as an equal value; a test covers all commands.
"""

from __future__ import annotations
