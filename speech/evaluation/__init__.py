"""Evaluation of recognisers: metrics with intervals, the typed reports, and their views."""
