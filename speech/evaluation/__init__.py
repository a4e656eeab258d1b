"""How well a recogniser does: metrics with intervals, the typed reports, and their views."""
