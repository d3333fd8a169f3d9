"""Receives mail by SMTP, submission and LMTP (`listener.smtp`).

Start reading at `session`: the loop between the engine of `thurn_wire.smtp` and the host's mail
flow; then `conversation` (the state of one dialogue), and one module of `commands` for each thing
that a peer may say.
"""
