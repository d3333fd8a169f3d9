"""One file per command; each has one function that does it. `table.py` is the table of them all."""
