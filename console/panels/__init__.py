"""A controller binds board, cache, outbox and advice to one widget; imports those, `widgets` and what they use."""
