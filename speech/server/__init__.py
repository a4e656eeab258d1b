"""Recognition for other programs: a Wyoming server and an HTTP and WebSocket server, without torch."""
