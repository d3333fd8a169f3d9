"""The extensions of this distribution, one folder each, registered like those of third parties."""
