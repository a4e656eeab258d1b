"""A run as one HTML page: its metrics, its training, and its misrecognised clips."""
