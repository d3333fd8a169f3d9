"""The SASL mechanisms PLAIN and LOGIN (`sasl.plain`, `sasl.login`). All of it is in `factory`."""
