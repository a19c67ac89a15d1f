"""The report panel: all that is known of the chosen report and what can be done with it."""
