"""Enforced senders: of the envelope (`policy.sender`) and of the header (`filter.sender`).

Start reading at `standing` (as whom a session may send), then `envelope` and `header`; `fields`
reads the header strictly, `rewrite` makes an honest one of it.
"""
