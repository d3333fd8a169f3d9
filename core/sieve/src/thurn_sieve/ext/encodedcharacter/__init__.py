"""encoded-character. RFC 5228 §2.4.2.4."""
