"""The checks of senders in the envelope (`policy.sender`) and in the header (`filter.sender`).

Start reading at `standing` (the accounts whose addresses a session may use), then `envelope` and
`header`. `fields` reads the header strictly, and `rewrite` replaces a wrong sender.
"""
