"""One process at a time: for what several workers make at their first start."""

from thurn.app.exclusive import exclusive

__all__ = ["exclusive"]
