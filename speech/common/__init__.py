"""Helpers for all packages, without torch and Hydra: atomic files, run folders, optional packages, escaping."""
