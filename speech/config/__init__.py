"""Configs: composed from ``conf/``, checked, and made into objects. Only this package imports Hydra and OmegaConf."""
