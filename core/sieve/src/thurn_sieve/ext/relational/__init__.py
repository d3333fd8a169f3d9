"""`:value` and `:count`. RFC 5231."""
