"""Accounts, addresses and passwords of a stand-alone site in SQLite (`account.sqlite`).

Start reading at `schema` (the tables), then `accounts` (the product that the server asks) and
`changes` (the changes that commands make).
"""
