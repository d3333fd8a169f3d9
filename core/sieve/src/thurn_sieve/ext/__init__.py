"""The extensions that ship, one folder each, registered like anybody's."""
