"""POP3: server and client engines without input or output. RFC 1939, RFC 2449 (CAPA), RFC 2595
(STLS), RFC 3206 (response codes), RFC 5034 (AUTH).

state.py      the states of both sides and their transitions, as data
command.py    the commands as values, both sides
grammar.py    octets to commands: what the server reads
spelling.py   commands to octets: what the client sends
reply.py      replies, as values and octets
answer.py     octets to replies: what the client reads (`multiline.py`: replies of many lines)
event.py      the events of the server engine
capability.py what CAPA announces
limits.py     every limit with its reason; `config.py` has the settings of a site
maildrop.py   the numbers, sizes, unique-ids and deletion marks of one session
content.py    messages as they are sent: dots, sizes, TOP
server.py     Pop3Server; its parts are `session.py`, `reading.py` and `action.py`
client.py     Pop3Client
"""

from __future__ import annotations
