"""A lock for files that several workers would make at their first start; re-exported."""

from thurn.app.exclusive import exclusive

__all__ = ["exclusive"]
