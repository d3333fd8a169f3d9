"""Runs Sieve scripts at delivery. Start reading at `delivery`, then `executor` (what becomes of a
script's actions) and `scripts` (which scripts run)."""
