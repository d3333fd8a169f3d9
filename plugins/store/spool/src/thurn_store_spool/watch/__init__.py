"""Who waits for changes of an account, and how they are woken, in all workers.

`file` is the file that all workers share; `watch` wakes those who wait, by it and by notices;
`account` tells which mailboxes of an account have changed.
"""
