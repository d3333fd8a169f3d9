"""Certificates from PEM files (`tls.files`). Start reading at `provider`; `pair` loads one."""
