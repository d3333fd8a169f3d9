"""One file per command; each has one function that does it. `base.py` is the table of them all."""
