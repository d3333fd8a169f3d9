"""Detects messages that came before. RFC 7352."""
