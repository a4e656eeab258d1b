"""A small recogniser that learns to spell spoken names, and shows how it learns."""

__version__ = "0.1.0"
