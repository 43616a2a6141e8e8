"""Sound of a handset: microphone and speaker, Opus, jitter buffer, files, likeness of recordings."""
