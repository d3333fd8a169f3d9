"""The index of an account: one SQLite file with everything but the bodies of messages.

`schema` says what its tables hold; `row` and `tree` read the numbers and the mailboxes;
`accountindex` is the account's index in this worker, and `pool` has one for each account.
"""
