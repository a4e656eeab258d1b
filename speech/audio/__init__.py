"""Recordings in and out, end-pointing, recording quality, signal-to-noise ratio. numpy alone."""
