"""Receives mail by SMTP, submission and LMTP (`listener.smtp`).

Start reading at `session`: the loop between the engine of `thurn_wire.smtp` and the host's mail
flow; `login` has AUTH and STARTTLS.
"""
