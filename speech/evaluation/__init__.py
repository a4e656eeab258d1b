"""How well a recogniser does: metrics with intervals, the typed report, and its views as text, figures and card."""
