"""Letters, names, phones and how names are pronounced: alphabet, G2P, lexicon, word lists."""
