"""Concatenations that change nothing but what a test asks for."""

from speech.data.concatenation import Concatenation

PLAIN = {"length_s": (2.0, 10.0), "proportion": 0.5, "gap_s": (0.1, 0.2), "pause_chance": 0.0, "pause_s": (1.0, 1.5)}
PLAIN |= {"level_chance": 0.0, "level_dbfs": (-30.0, -20.0)}


def make_concatenation(batch_s, **changed):
    return Concatenation(batch_s, **PLAIN | changed)
