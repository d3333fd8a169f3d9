"""The plugin `listener.imap`: mailboxes by IMAP4rev1 and IMAP4rev2.

Start at `session.py` (one connection), then `mailbox/selected.py` (what a client has been told),
`commands/` (one file each) and `extension.py` (how more is added). `thurn_wire.imap` has the
grammar and the octets.
"""
