import pytest

from speech.evaluation.figures import draw
from speech.evaluation.prediction import Prediction
from speech.evaluation.report import evaluate
from speech.inference.rejection import EVIDENCE, Rejection


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


@pytest.mark.parametrize("n", [5, 60])
def test_the_caption_is_whole_over_one_panel_and_over_many(n):
    figure = draw(evaluate({"test": clips(n, [("martin", 0.9), ("mark", 0.1)])}))
    figure.draw_without_rendering()
    (caption,) = figure.texts
    box = caption.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


@pytest.mark.filterwarnings("error")
def test_the_trade_off_of_acceptance_is_drawn_with_its_stated_rates():
    """Rates of 0 and of 100 % stand at the ends of the axes."""
    rejection = Rejection([0.0] * (1 + len(EVIDENCE)), {"0.01": 0.0, "0.05": 0.5, "0.1": 1.0}, "0.05", 0.9)
    some = [
        one._replace(out_of_list=i / 80, out_of_list_without=1 - i / 80)
        for i, one in enumerate(clips(60, [("martin", 0.9), ("mark", 0.1)]))
    ]
    figure = draw(evaluate({"test": some}, rejection=rejection))
    (axes,) = [one for one in figure.axes if one.get_title().startswith("DET")]
    assert [text.get_text() for text in axes.texts] == ["1", "5", "10"]
    assert axes.get_ylabel() == "listed refused, % of 60 (3 speakers)"
    curve, *points = axes.lines
    assert len(curve.get_xdata()) > 10
    assert [point.get_markerfacecolor() == "none" for point in points] == [True, False, True]
    assert points[0].get_xdata()[0] == axes.get_xlim()[0]
