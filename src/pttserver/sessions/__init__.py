"""Who is connected, from where, affiliated to what; single-device login; how often somebody may try. Pure."""
