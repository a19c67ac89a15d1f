"""The tones that call an operator, and the process that plays them; imports nothing of ours but `pipe`."""
