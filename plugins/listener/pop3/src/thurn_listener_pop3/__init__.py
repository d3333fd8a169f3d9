"""The plugin `listener.pop3`: mailboxes by POP3. Start at `session.py`; `thurn_wire.pop3` has the
protocol itself."""
