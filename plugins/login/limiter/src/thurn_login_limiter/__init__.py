"""One limiter of guessing for all protocols (`login.limiter`), and the command `thurn login`.

Start reading at `limiter` (the decisions), then `ledger` (failures and bans) and `history`.
"""
