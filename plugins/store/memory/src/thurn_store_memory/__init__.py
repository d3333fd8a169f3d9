"""A mail store in memory: the simplest complete implementation of `thurn.contracts.store`.

For tests and demonstrations; it forgets everything when it is closed. The files, from the top, each
importing only those below it:

- `factory` opens the plugin.
- `handle` and `mailbox`: an account and its mailboxes as one identity sees them.
- `tree` and `document`: changes of mailboxes and of documents.
- `work`: how a change is made in a round of the commit log.
- `state`: what an account is, and how a change is taken back. Start reading here.
"""
