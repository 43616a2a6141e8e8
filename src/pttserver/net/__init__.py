"""The TLS port: WebSocket and HTTP. Moves frames and decides nothing."""
