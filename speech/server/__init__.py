"""Names heard for other programs: a Wyoming server and one of HTTP and WebSocket, on the recogniser without torch."""
