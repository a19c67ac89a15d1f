"""The parts of the outbox, each knowing only those before it; what others ask of the outbox is in `console.edits`."""
