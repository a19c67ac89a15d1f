"""Pure decisions: nearest able unit, possible duplicates."""
