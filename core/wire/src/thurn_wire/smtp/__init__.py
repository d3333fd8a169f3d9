"""SMTP and LMTP: server and client engines without input or output. RFC 5321, RFC 2033.

server.py     SmtpServer: octets in, events out, replies in, octets out
client.py     SmtpClient: the other side
state.py      the states of both and their transitions, as data
event.py      what a server's session is told
command.py    the grammar of commands, both sides
reply.py      the grammar of replies, both sides
extension.py  the ESMTP keywords, both sides
limits.py     every limit, with reason and RFC minimum
"""
