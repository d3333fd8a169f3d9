"""Shared small state in SQLite, with notices by unix datagrams (`state.sqlite`).

Start reading at `table` (the calls) and `database` (lifetimes over reboots); then `notices`.
"""
