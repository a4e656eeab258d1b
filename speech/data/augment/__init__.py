"""What happens to a sound between the speaker's lips and the front end, drawn anew every time a clip is heard.

``light`` what haste, other throats and cheap microphones do, clip by clip; ``room`` rooms, other people's talk,
microphones and telephones, a batch at a time: ``speed``, ``reverb``, ``noise``, ``microphone`` are its steps,
``spec`` masks features, ``strength`` says how chance and ranges grow, ``convolution`` is what several steps need.

Either has ``batch(waveforms, sample_rate, rng, n_before) -> waveforms, spans``.
"""

from speech.data.augment.light import Augment

__all__ = ["Augment"]
