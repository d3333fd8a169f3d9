"""`fileinto`. RFC 5228 §4.1."""
