"""Rooms of a few steps, in full strength."""

import numpy as np

from speech.data.augment.channel import Channel
from speech.data.augment.placement import Placement
from speech.data.augment.room import Room

RATE = 16_000


def make_room(ramp=0, speed=None, edge_ms=None, jitter=(0.0, (0, 0)), reverb=None, gain_db=None, spec=None, **steps):
    """The given steps alone; beside ``channel``'s, ``steps`` are noises."""
    microphone, clipping, telephone = (steps.pop(step, None) for step in ("microphone", "clipping", "telephone"))
    channel = Channel(microphone, clipping, gain_db, telephone)
    return Room(ramp, Placement(speed, edge_ms, *jitter), reverb, steps, channel, spec)


def augmented(room, clips, seed=0, n_before=0):
    return room.batch(clips, RATE, np.random.default_rng(seed), n_before)[0]
