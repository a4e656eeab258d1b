"""The error of a recogniser's file."""


class RecognizerError(ValueError):
    """A file that is not a recogniser, or not one that this version can read."""
