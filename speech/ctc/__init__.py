"""Connectionist temporal classification (Graves et al. 2006): letters without knowing when each was said.

``loss`` works on torch logits; ``decode``, ``score`` and ``align`` on numpy log-probabilities of one clip,
``(n_frames, n_symbols)``, so that they serve with and without torch.
"""
