"""What the benchmarks share: how a figure is printed, timed and tested, the runs and recordings that they measure."""
