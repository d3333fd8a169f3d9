"""Which mailboxes a LIST names, and how they are told."""
