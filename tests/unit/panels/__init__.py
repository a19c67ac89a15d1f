"""The panels with real widgets and a real outbox, without a window, a server or a cache."""
