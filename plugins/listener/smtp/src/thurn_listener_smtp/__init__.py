"""Receives mail by SMTP, submission and LMTP (`listener.smtp`).

Start reading at `session`: the loop between the engine of `thurn_wire.smtp` and the host's mail
flow; then one module of `command` for each thing that a peer may say.
"""
