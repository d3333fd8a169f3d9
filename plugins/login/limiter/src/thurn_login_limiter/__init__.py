"""One limiter of guessing for all protocols (`login.limiter`), and the command `thurn login`.

Start reading at `limiter` (what is asked and told), then `ledger` (failures, bans) and `history`.
"""
