"""Serves one mailbox of each account by POP3 (`listener.pop3`).

Start reading at `session`: the loop between the engine of `thurn_wire.pop3` and the commands; then
`conversation` (the state of one dialogue), and one module of `commands` for each thing that a
client may ask.
"""
