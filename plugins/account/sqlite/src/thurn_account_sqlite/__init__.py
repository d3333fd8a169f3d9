"""Accounts, addresses and passwords of a stand-alone site in SQLite (`account.sqlite`).

Start reading at `schema` (what is kept), then `accounts` (what the server asks) and `changes`
(what the commands do).
"""
