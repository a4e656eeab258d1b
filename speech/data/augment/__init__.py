"""Augmentation of training clips, drawn anew whenever a clip is in a batch.

``light`` changes clip by clip; ``room`` a batch at a time, in the steps ``placement``, ``reverb``, ``noise``,
``channel`` (``microphone``, ``telephone``) and ``spec``. ``strength`` defines how chances and ranges grow in training;
``convolution`` and ``filters`` serve several steps.

Either has ``batch(waveforms, sample_rate, rng, n_before) -> waveforms, spans``.
"""
