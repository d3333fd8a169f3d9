"""Commands as octets: what a client sends, from the same values that a server reads.

`word.py` writes words, `key.py` search keys, `command.py` commands. What is written here is read by
`grammar` as an equal value; a test says so for all of them.
"""

from __future__ import annotations
