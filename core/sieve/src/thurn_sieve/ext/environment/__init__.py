"""`environment`. RFC 5183."""
