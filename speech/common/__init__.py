"""What every room may stand on, without torch and Hydra: whole files, places of runs, optional packages, escaping."""
