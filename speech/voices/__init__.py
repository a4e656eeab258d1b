"""Text to waveform: one file an engine. ``voice.py`` says what an engine is."""
