"""The resolver that asks the DNS (`resolver.dns`). Start reading at `resolver`."""
