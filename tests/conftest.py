import pytest
import torch

from speech.alphabet import Alphabet
from speech.recognizer import Recognizer

LETTERS = Alphabet().letters
FRONTENDS = {
    "mfcc": {"_target_": "speech.frontend.FrontEnd", "n_mfcc": 20},
    "mfcc_delta": {"_target_": "speech.frontend.FrontEnd", "n_mfcc": 13, "n_deltas": 2},
    "logmel": {"_target_": "speech.frontend.FrontEnd", "n_mfcc": None},
}


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_worker():
    torch.set_num_threads(1)


@pytest.fixture
def make_recognizer():
    """A recogniser of random weights, its parts changed at will."""

    def make(frontend="mfcc", decoder="Greedy", names=("Martin", "Mark"), letters=LETTERS, **encoder):
        torch.manual_seed(0)
        parts = {
            "alphabet": letters,
            "frontend": FRONTENDS[frontend],
            "encoder": {"_target_": "speech.encoder.Encoder", **encoder},
            "decoder": {"_target_": f"speech.ctc.decode.{decoder}"},
        }
        return Recognizer(parts, names).eval()

    return make
