"""What pttserver is measured against: Debian's mumble-server, and the bare limit of the machine."""
