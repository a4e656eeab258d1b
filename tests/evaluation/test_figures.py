import pytest

from speech.evaluation.figures import draw
from speech.evaluation.prediction import Prediction
from speech.evaluation.report import evaluate


def clips(n, names):
    return [
        Prediction(
            str(i),
            f"espeak:en-GB+{i % 3}",
            ("martin", "mark")[i % 2],
            "martin",
            names,
            accent=("en-GB", "en-US")[i % 2],
        )
        for i in range(n)
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 4, 60])
@pytest.mark.parametrize("names", [[], [("martin", 0.9), ("mark", 0.1)], [("martin", 0.9), ("anna", 0.1)]])
def test_kinds_with_more_than_one_group_are_drawn(n, names):
    """With a list or without, with clips out of it, and with too few to be drawn at all."""
    figure = draw(evaluate({"test": clips(n, names)}))
    titles = {axes.get_title() for axes in figure.axes}
    # of a list that holds one of the two names, each accent with clips of the other has no accuracy
    grouped = n == 60 and names != [("martin", 0.9), ("anna", 0.1)]
    assert ("by accent" in titles) == grouped
    assert ("by name" in titles) == grouped
    assert "by engine" not in titles
    assert ("threshold on the probability of the first name" in titles) == (n > 1 and ("anna", 0.1) in names)
