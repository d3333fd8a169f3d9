"""A certificate that thurn makes for itself (`tls.selfsigned`). Start reading at `factory`."""
