"""A name, a speaker or an accent may hold anything: in every picture it is text."""

import io
import re

import matplotlib
import numpy as np
import pytest
import torch

from speech.evaluation import alignment, confusion, figures
from speech.evaluation.prediction import Prediction
from speech.evaluation.report import evaluate
from speech.lessons.martin_pictures import draw_lattices, draw_sound
from speech.monitor import lattice
from speech.monitor.attribution import draw_contributions
from speech.page import pictures
from speech.page.run import Curve
from speech.training.attribution import ClipBackprop

ODD = r"x $\foo$ y"
LETTERS = r"$\abfoxy "  # of an alphabet that spells it
NOISE = np.random.default_rng(0).normal(scale=0.1, size=8_000).astype(np.float32)


def shown(figure):
    """Its texts as they are drawn. matplotlib raises ValueError for mathematics that is none."""
    drawn = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg")
    return "\n".join(re.findall("<text[^>]*>([^<]*)</text>", drawn.getvalue()))


@pytest.fixture(scope="module")
def recognizer(make_recognizer):
    return make_recognizer(letters=LETTERS, names=[], n_units=8, n_layers=1)


def test_speakers_accents_and_names_of_an_evaluation():
    names = [(ODD, 0.9), ("mark", 0.1)]
    predicted = [
        Prediction(str(i), (ODD, "ann")[i % 2], (ODD, "mark")[i % 2], ODD, names, accent=(ODD, "en")[i % 2])
        for i in range(20)
    ]
    assert shown(figures.draw(evaluate({"test": predicted}))).count(f"{ODD}  (10)") == 3


def test_names_of_a_confusion_and_of_curves():
    assert shown(confusion.draw([ODD, "mark"], np.eye(2), 2)).count(ODD) == 2
    curve = Curve([1, 2], [0.1, 0.2])
    assert f"{ODD} mark" in shown(pictures.chart({f"pairs/{ODD} mark": curve, "pairs/a b": curve}))


def test_what_was_said_and_heard_over_time(recognizer):
    assert ODD in shown(lattice.draw({1: torch.full((5, 2 * len(ODD) + 1), 0.1)}, ODD))
    assert f"ref “{ODD}”, hyp" in shown(alignment.draw(recognizer, [(ODD, NOISE)]))


def test_what_was_said_and_heard_in_the_pictures_of_one_error(recognizer):
    student = ClipBackprop(recognizer, NOISE)
    passed = student.backward(ODD)._replace(letters=ODD)
    assert shown(draw_contributions(passed, student, ODD)).count(ODD) == 2
    assert shown(draw_lattices(student, passed, passed, ODD)).count(ODD) == 4
    assert shown(draw_sound(student, ODD, "x y")).count(ODD) == 2
