"""Who may talk: the floor control server of TS 24.380 §6.3. Read `table`, `arbiter`, `procedures`."""
