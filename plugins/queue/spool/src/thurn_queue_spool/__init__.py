"""The default queue: durable through the commit log, one SQLite file, bodies in files.

Start reading at `record` (what the log says) and `database` (what the tables hold); then an entry's
way: `deposit` (it comes in), `body` (its octets), `lease` (it goes on), `queue` (all of it).
"""
