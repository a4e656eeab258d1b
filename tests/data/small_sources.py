"""Sources of few clips."""

from speech.data.synthetic import Synthetic
from speech.tts.espeak import Espeak

SETTINGS = {"unseen_accent": "en-GB-x-lancs", "n_train": 6, "n_val": 2, "n_test": 3, "seed": 0}
SETTINGS |= {"n_val_variants": 8, "n_test_variants": 12, "words": [], "n_held": 0, "n_train_words": 1}


def make_synthetic(names=("Martin", "Chloé"), engine=None, **changed):
    return Synthetic.from_config(list(names), engine or Espeak(), **SETTINGS | changed)
