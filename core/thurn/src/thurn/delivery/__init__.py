"""Delivery: from an accepted message to deposits in stores and queue, and their one commit.

`local` runs the rules of an account and turns its verbs into deposits; `outgoing` sends what the
host or a rule sends; `report` writes delivery status notifications; `deposits` commits.
"""
