"""The Dispatch API: its addresses, who asks, limits, the stream of events; binds `city` to HTTP."""
