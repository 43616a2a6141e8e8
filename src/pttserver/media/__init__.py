"""The voice path and its UDP port: relay, listeners, named drops, batch socket."""
