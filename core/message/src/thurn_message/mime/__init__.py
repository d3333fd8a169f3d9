"""The MIME tree of a message: parts, their places, BODYSTRUCTURE, sections."""
