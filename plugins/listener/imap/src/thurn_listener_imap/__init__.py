"""Serves mailboxes by IMAP4rev1 and IMAP4rev2 (`listener.imap`).

Start reading at `session`: the loop between the engine of `thurn_wire.imap` and the commands; then
`conversation` (the state of one dialogue), one module of `commands` for each thing that a client
may say, and `extension` (how more is added).
"""
