"""Tests of dates: date, currentdate. RFC 5260 §4, §5."""
