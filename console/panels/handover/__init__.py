"""The hand-over of a shift: its draft line by line, what both write on it, and what its keys do."""
