"""The demonstration: a real server and real handsets in processes of their own, and what was measured."""
