import json

import numpy as np
import pytest
from path_transcriber import PathTranscriber, clips

from speech.inference.confusion import confusable_pairs, confusion, homophones, json_lines, table
from speech.inference.pronounce import pronounce
from speech.text.confusable import nearest
from speech.text.names import Name

NAMES = ["Martin", "Mark", "Lori", "Laurie"]


def spoken(*names):
    return [(NAMES.index(clip.name), clip.waveform) for clip in clips(names, n_each=2)]


def test_it_is_the_probability_of_the_other_name_of_two():
    recognizer = PathTranscriber()
    found = confusion(recognizer, NAMES, spoken("Martin"))
    assert found[1:] == pytest.approx(np.full((3, 4), 0.5)), "of a name without a clip"
    assert found[0, 0] == 0.5
    for other in (1, 2, 3):
        lexicon = recognizer.lexicon(["Martin", NAMES[other]])
        names = dict(recognizer.rank(recognizer.log_probs(spoken("Martin")[0][1]), lexicon))
        assert found[0, other] == pytest.approx(names[NAMES[other]])


def test_homophones_are_by_the_pronunciations_that_are_recognised():
    """Those of the list before those of training, and those before the model's."""
    recognizer = PathTranscriber()

    def found(*names):
        return homophones(recognizer.lexicon(names), recognizer.inventory)

    assert found(*NAMES) == ["Lori and Laurie are homophones (/lɔɹi/)"]
    assert found("Lori", "Mark", Name("Laurie", ["/ˈlaʊɹi/"])) == []
    assert found(Name("Zyx", ["/lɔɹi/"]), "Lori") == ["Zyx and Lori are homophones (/lɔɹi/)"]
    recognizer.pronunciations = {"Mark": pronounce(["Lori"])[0]}
    assert found("Lori", "Mark") == ["Lori and Mark are homophones (/lɔɹi/)"]
    assert homophones(PathTranscriber(inventory=None).lexicon(NAMES), None) == []


def test_pairs_are_ordered_by_distance_with_the_confusion_both_ways():
    some = spoken("Martin", "Mark")
    found, matrix = confusable_pairs(NAMES, PathTranscriber(), some), confusion(PathTranscriber(), NAMES, some)
    assert [one.pair for one in found] == nearest(NAMES)
    for one in found:
        i, j = (NAMES.index(name) for name in one.pair.names)
        assert one.confusion == pytest.approx((matrix[i, j] + matrix[j, i]) / 2)
    with pytest.raises(ValueError, match="give two or more"):
        confusable_pairs(["Martin"])


def test_columns_stand_below_one_another_however_long_the_names_are():
    _, *rows = (
        table(confusable_pairs(["Zoë van der Berg", "Maria-José O’Neill", "Ed"]), 3).split("\n\n")[0].splitlines()
    )
    assert len({row.index("  en-") for row in rows}) == 1
    assert len({len(row) for row in rows}) == 1


def test_the_views_show_the_homophones_and_the_nearest_pairs():
    pairs = confusable_pairs(NAMES)
    first, _, *rows, count = table(pairs, 2).splitlines()
    assert "Lori and Laurie" in first
    assert [row.split("  ")[0] for row in rows[:2]] == [", ".join(one.pair.names) for one in pairs[:2]]
    assert count == "2 of 6 pairs"
    line = json.loads(json_lines(pairs).splitlines()[0])
    assert (line["names"], line["distance"], line["confusion"]) == (["Lori", "Laurie"], 0, None)
