"""A run as one page of HTML: what it is, how well it hears, how it learnt, and what it mishears."""
