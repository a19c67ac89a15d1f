"""The forms beside the work, and what was typed into them and not saved yet."""
