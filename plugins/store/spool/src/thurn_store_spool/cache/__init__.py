"""What a worker remembers of accounts between two looks at their indexes.

`caches` owns all of it, `bounds` says how much it may be. `columns` makes views and moves them on
(with `mask`, columns of flags as a whole), by the index or by what is `recent`; `kept` are the
copies of columns on the disk; `totals` counts mailboxes; `view` and `record` are what sessions ask
for.
"""
