"""The selected mailbox: what the client has been told, its numbers, what has changed since."""
