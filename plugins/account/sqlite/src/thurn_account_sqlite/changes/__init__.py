"""The changes that commands and imports make, a file for each table; start reading at `change`."""
