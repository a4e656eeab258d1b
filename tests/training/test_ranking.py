"""The label prior and the phones' weight, fitted to validation clips."""

import numpy as np
import pytest
from path_transcriber import ALPHABET, INVENTORY, N_FRAMES, PathTranscriber, clips, path_of

from speech.data.dataset import Clip
from speech.text.pronunciation import Pronunciation, phonemize
from speech.training.ranking import fit_ranking

NAMES = ["Anna", "Boris", "Chloe", "David", "Martin", "Sophie", "Hugo", "Yasmin", "Victor", "Olga", "Peter", "Mark"]


@pytest.mark.parametrize("letters", [True, False])
def test_the_ranking_goes_by_the_output_that_is_not_flat(letters):
    transcriber, some = PathTranscriber(), clips(NAMES, letters=letters, phones=not letters)
    prior, weight = fit_ranking(transcriber, some, None, seed=0)
    assert (weight < 0.5) == letters
    assert prior is not None
    assert (transcriber.label_prior, transcriber.phones_weight) == (None, 0.5), "the recogniser is left as it was"
    transcriber.label_prior, transcriber.phones_weight = prior, weight
    lexicon = transcriber.lexicon(NAMES)
    assert [transcriber.rank(transcriber.log_probs(one.waveform), lexicon)[0][0] for one in some[::4]] == NAMES


def test_weights_that_validation_cannot_tell_apart_are_averaged():
    prior, weight = fit_ranking(PathTranscriber(), clips(NAMES), None, seed=0)  # each pair is always right
    assert (*prior.weights, weight) == (0.5, 0.5, 0.5)


def test_trained_pronunciations_are_those_that_the_ranking_is_fitted_with():
    """Validation knows texts as they are spelt; ``Niamh`` read by espeak would have other phones."""
    neev = phonemize("neev")
    samples = np.concatenate([np.full(N_FRAMES, -1), path_of(INVENTORY.encode(neev))]).astype(np.int16)
    some = clips(NAMES, letters=False) + [Clip(f"niamh{i}", "Niamh", f"s{i}", "en-US", samples) for i in range(4)]
    transcriber = PathTranscriber(pronunciations={"Niamh": (Pronunciation(neev, 1.0),)})
    prior, transcriber.phones_weight = fit_ranking(transcriber, some, None, seed=0)
    assert prior is not None
    lexicon = transcriber.lexicon([ALPHABET.fold(name) for name in [*NAMES, "Niamh"]])
    assert transcriber.rank(transcriber.log_probs(some[-1].waveform), lexicon)[0][0] == "niamh"


def test_too_few_clips_leave_the_weight_as_it_is():
    assert fit_ranking(PathTranscriber(phones_weight=0.3), clips(NAMES)[:8], None, 0) == (None, 0.3)
