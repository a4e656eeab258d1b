"""Text to speech: the engines (``voice`` has their interface), mixtures of them, a cache, folders of clips."""
