from speech.common.counting import counted


def test_a_noun_is_counted_as_english_does():
    assert [counted(n, "clip") for n in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]
