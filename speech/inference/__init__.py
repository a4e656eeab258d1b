"""From log-probabilities to a transcript, in numpy alone: CTC scores, decoding, alignment, label prior, rejection.

Connectionist temporal classification (Graves et al. 2006): letters without knowing when each was said. Everything works
on one clip's log-probabilities ``(n_frames, n_symbols)``, whether torch or onnxruntime computed them.
"""
