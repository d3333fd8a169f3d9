"""SMTP and LMTP: server and client engines without input or output. RFC 5321, RFC 2033.

state.py      the states of both sides and their transitions, as data
command.py    the commands as values, both sides
grammar.py    octets to commands: what the server reads (`parameter.py`: the words of MAIL)
spelling.py   commands to octets: what the client sends
reply.py      replies, as values and octets (`own_reply.py`: those of the engine itself)
answer.py     octets to replies: what the client reads
event.py      the events of the server engine
capability.py what EHLO announces
limits.py     every limit with its reason; `config.py` has those that a site may change
server.py     SmtpServer; its parts are `session.py`, `reading.py`, `action.py`, `content.py` and
              `answering.py`
client.py     SmtpClient
"""
