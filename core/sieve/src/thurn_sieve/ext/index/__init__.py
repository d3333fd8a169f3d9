"""One of several fields of a name: `:index`, `:last`. RFC 5260 §6."""
