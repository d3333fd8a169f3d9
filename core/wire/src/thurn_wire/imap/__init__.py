"""IMAP: server and client engines without input or output.

RFC 3501, 9051, 2177, 2342, 2971, 3502, 4315, 4466, 4731, 4959, 5161, 5258, 5819, 6154, 6851, 7162
(CONDSTORE), 7888, 7889, 8438.

state.py      the states of both sides and their transitions, as data
command.py    the commands as values, both sides; `search.py`, `fetch.py` and `sequence.py` have
              their larger arguments
grammar/      octets to commands: what the server reads, open for extensions
spelling/     commands to octets: what the client sends
reply.py      what the server says, as values and as octets; `code.py` has the response codes
answer.py     octets to values: what the client reads (`value.py`: the words in them)
event.py      the events of the server engine
limits.py     every limit with its reason; `config.py` has those that a site may change
fragment.py   lines and literals, below the grammar, both sides
mutf7.py      modified UTF-7, the encoding of mailbox names
server.py     ImapServer; its parts are `session.py`, `reading.py`, `appending.py` and
              `answering.py`
client.py     ImapClient
"""

from __future__ import annotations
