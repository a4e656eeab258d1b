"""What every room may stand on, without torch and without Hydra: files, places of runs, optional packages, escaping."""
