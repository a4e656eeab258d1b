"""From log-probabilities to a transcript, in numpy alone: CTC scores, decoding, alignment, label prior, rejection.

Connectionist temporal classification (Graves et al. 2006) trains letters without a time for each. Everything works on
one clip's log-probabilities ``(n_frames, n_symbols)``, whether torch or onnxruntime computed them.
"""
