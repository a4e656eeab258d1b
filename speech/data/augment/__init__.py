"""Augmentation of training clips, drawn anew each time a clip is in a batch.

``light`` augments clip by clip; ``room`` a batch at a time, in the steps ``placement``, ``reverb``, ``noise``,
``channel`` (``microphone``, ``telephone``) and ``spec``. ``strength`` defines how probabilities and ranges grow during
training; ``convolution`` and ``filters`` are used by several steps.

Both have ``batch(waveforms, sample_rate, rng, n_before) -> waveforms, spans``.
"""
