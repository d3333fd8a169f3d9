"""`:user` and `:detail`. RFC 5233."""
