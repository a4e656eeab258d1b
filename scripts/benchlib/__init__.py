"""Shared by the benchmarks: printing, timing and testing figures, and the runs and recordings that they measure."""
