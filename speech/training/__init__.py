"""Training a recogniser: the run, the Lightning task, gradient backends, fine-tuning, calibration."""
