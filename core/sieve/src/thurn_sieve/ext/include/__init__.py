"""`include`, `return`, `global`. RFC 6609."""
