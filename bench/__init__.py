"""Load harness: replays voice streams against a running server as thousands of handsets would, and says how it does."""
