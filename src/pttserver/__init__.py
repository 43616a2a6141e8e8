"""Push-to-talk-over-cellular server: MCPTT floor control, an AES-256 voice relay, tenant-owned data controls."""

__version__ = "0.1.0"
