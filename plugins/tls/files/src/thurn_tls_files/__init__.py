"""Certificates from PEM files (`tls.files`). Start reading at `provider`; `pair` loads a pair."""
