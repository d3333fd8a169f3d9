"""Detects messages that have come before. RFC 7352."""
