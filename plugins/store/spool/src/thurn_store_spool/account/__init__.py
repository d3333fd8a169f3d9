"""What the store's contract gives: an account (`handle`) and a mailbox as one identity sees them.

The other files are what these two do: `message`, `tree` and `document` change messages, the tree of
mailboxes and documents; `fetch` reads messages, `changes` what happened since a MODSEQ, and
`annotation` annotations.
"""
