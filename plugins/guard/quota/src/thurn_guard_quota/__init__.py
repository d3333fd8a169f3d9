"""Bounds what an account stores (`guard.quota`). Start reading at `guard`."""
