"""From log-probabilities to a transcript, with numpy only: CTC scores, decoding, alignment, label prior, rejection.

Connectionist temporal classification (CTC, Graves et al. 2006) trains letters without knowing when each is said. All
modules work on one clip's log-probabilities ``(n_frames, n_symbols)``, whether torch or onnxruntime computed them.
"""
