"""One presenter a panel: binds board, store and advice to one widget."""
