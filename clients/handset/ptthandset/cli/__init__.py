"""The `ptt` command: a radio in a terminal."""
