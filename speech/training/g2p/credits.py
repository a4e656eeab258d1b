"""The credits stored in a model's file: its training data, with their licences."""

CREDITS = """# Names in Latin letters to English phones

A grapheme-to-phoneme model: letters in, up to eight pronunciations with probabilities out, the language left open.
Made by `python -m speech.g2p` (speech-names, Apache-2.0).

Learnt from, with thanks:
- Wiktionary's pronunciations as WikiPron collects them (J. L. Lee et al., "Massively Multilingual Pronunciation
  Modeling with WikiPron", LREC 2020; github.com/CUNY-CL/wikipron), by the contributors of Wiktionary, CC BY-SA 4.0.
  This model is shared with that attribution, under the same CC BY-SA 4.0 as far as that reaches it.
- the CMU Pronouncing Dictionary, Carnegie Mellon University, BSD-2-Clause;
- names of people from faker (MIT), read by espeak-ng, whose output its licence (GPL-3) does not cover.
"""
