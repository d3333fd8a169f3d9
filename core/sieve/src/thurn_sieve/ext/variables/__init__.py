"""`set`, `string`, `${name}`. RFC 5229."""
