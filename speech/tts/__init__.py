"""Text to waveform: one file an engine (``voice`` says what an engine is), mixtures, the cache of slow ones, clips."""
