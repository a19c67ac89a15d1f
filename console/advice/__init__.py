"""Pure decisions that help an operator: which unit to send, and which reports may be the same."""
