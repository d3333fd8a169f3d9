"""What a worker does in the background for the indexes and the files of accounts.

`upkeep` decides when; `garbage` removes files that nothing refers to, `prune` old rows; `copies`
keeps copies of columns, and `writeback` brings SQLite's log back into the index.
"""
