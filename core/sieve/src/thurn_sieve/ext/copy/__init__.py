"""`:copy`. RFC 3894."""
