"""Runs Sieve scripts at delivery.

Start reading at `delivery`, then `executor` (how actions are carried out) and `scripts` (which
scripts run).
"""
