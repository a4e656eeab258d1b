"""A run as one page of HTML: its metrics, its training, and its misrecognised clips."""
