"""Who is called, and what becomes of it: private calls from the ring to the end. Read `call`."""
