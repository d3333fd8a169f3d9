"""Changes of the accounts, one file for each kind of thing; start reading at `change`."""
