"""`ihave` and `error`. RFC 5463."""
