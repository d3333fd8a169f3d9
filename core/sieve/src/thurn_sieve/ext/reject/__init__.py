"""`reject` and `ereject`. RFC 5429."""
