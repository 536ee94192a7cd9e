"""The browser's door: a page to watch motion on, and the WebSocket behind it."""
