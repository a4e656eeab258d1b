import numpy as np

from speech.evaluation.confusion import closest, mean_probabilities


def test_probabilities_are_means_over_a_names_clips():
    scores = np.log([[0.08, 0.02, 0.0001], [0.3, 0.3, 0.0003], [0.001, 0.004, 0.005]])
    matrix = mean_probabilities(scores, np.array([0, 0, 2]))
    np.testing.assert_allclose(matrix[0, :2], [(0.8 + 0.5) / 2, (0.2 + 0.5) / 2], atol=1e-3)
    assert matrix[1].tolist() == [0, 0, 0]
    np.testing.assert_allclose(matrix[[0, 2]].sum(axis=1), 1)


def test_a_name_that_its_frames_cannot_hold_has_no_probability():
    assert mean_probabilities(np.array([[-3.0, -np.inf]]), np.array([0]))[0].tolist() == [1, 0]


def test_the_closest_pairs_come_first():
    closeness = np.array([[0.9, 0.1, 0.3], [0.1, 0.8, 0.2], [0.3, 0.2, 0.7]])
    assert closest(closeness, 2) == [(0, 2), (1, 2)]
    assert closest(closeness[:1, :1], 2) == []
