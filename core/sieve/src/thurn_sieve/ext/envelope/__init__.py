"""`envelope`. RFC 5228 §5.4."""
