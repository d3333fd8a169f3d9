"""What the store's contract gives: `handle` is an account and `mailbox` a mailbox as one identity
sees them.

The other files are what these two do: `message`, `tree` and `document` are work on drafts, on
messages, on the tree of mailboxes and on documents; `changes` says what happened since a MODSEQ;
`annotation` reads annotations.
"""
