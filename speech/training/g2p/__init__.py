"""Training the grapheme-to-phoneme model."""
