"""Letters, phones, and the pronunciation of names: alphabet, G2P, lexicon, homophones, word lists."""
