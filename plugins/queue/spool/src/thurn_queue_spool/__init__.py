"""The default queue: durable by the commit log, with one SQLite file, and bodies in files.

Start reading at `record` (the records of the log) and `database` (the tables). Then follow an
entry: `deposit` (it is queued), `body` (its octets), `lease` (it is tried), `queue` (the product).
"""
