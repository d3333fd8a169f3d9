"""Shared small state in SQLite, with notices by unix datagrams (`state.sqlite`).

Start reading at `table` (what a call does) and `database` (times over reboots); then `notices`.
"""
