"""REST of the managers' pages, below /v1/manage. Moves JSON, and decides nothing."""
