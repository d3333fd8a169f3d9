"""The default mail store: write-once message files and one SQLite index per account.

Its parts, from the top; each imports only those below it:

- `factory` opens the plugin.
- `store`: its product, which opens accounts and owns the records in the commit log.
- `account`: what the contract gives, an account and its mailboxes as one identity sees them.
- `upkeep`: the background: files and rows that nobody needs, copies, SQLite's logs.
- `log`: the way of every change through the commit log; replay after a crash; settling.
- `environment`: what all parts of one open store share.
- `watch`: who waits for changes of an account, and how all workers tell each other of them.
- `body`: the bodies of messages, in their files or still in the commit log.
- `cache`: all that a worker remembers of accounts, with its bounds; views and totals.
- `operation`: what changes are made of: how records spell them, what they do to an index.
- `index`: the SQLite file of an account, its connections, its numbers.
- `mark`: whether something has changed that all processes remember.
- `layout`: the names on the disk.

Start reading at `layout` (what lies where) and `index.schema` (what an index holds). Then follow a
message: `log.deposit` (the change), `operation.kind` (what its record says), `operation.perform`
(what it does to the index), `log.settle` (the body's file) and `log.replay` (after a crash). Then
follow a reader: `account.mailbox`, `cache.view`, `cache.columns`.
"""
