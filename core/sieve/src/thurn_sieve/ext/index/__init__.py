"""`:index` and `:last`: one of several fields of a name. RFC 5260 §6."""
