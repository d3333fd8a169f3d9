"""A mail store in memory: the simplest complete implementation of `thurn.contracts.store`.

It is for tests and demonstrations, and it loses everything when it is closed. The files, from the
top, each importing only those below it:

- `factory` opens the plugin.
- `handle` and `mailbox` are an account and its mailboxes as one identity sees them.
- `tree` and `document` have the changes of mailboxes and of documents.
- `work` makes a change in a round of the commit log.
- `state` has the content of an account, and undoes changes. Start reading here.
"""
