"""Pure decisions that help an operator: which unit, which reports may be the same; imports `rules` only."""
