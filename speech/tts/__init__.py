"""Text to waveform: the engines (``voice`` has their interface), mixtures of them, a cache, folders of clips."""
