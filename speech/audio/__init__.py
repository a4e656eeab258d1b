"""Reading and writing recordings, end-pointing, recording quality, signal-to-noise ratio. numpy only."""
