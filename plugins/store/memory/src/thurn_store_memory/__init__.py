"""A mail store in memory: the simplest complete implementation of `thurn.contracts.store`.

For tests and demonstrations; it forgets when it is closed. Start reading at `state` (what an
account is), then `change` (how a change is made and taken back), `account` and `mailbox` (the
contract).
"""
