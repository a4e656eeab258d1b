"""Configs: composed from ``conf/``, checked, and made into objects. Only this room imports Hydra and OmegaConf."""
