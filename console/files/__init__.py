"""How the files of a profile are locked, opened, made durable and set aside; imports nothing of ours."""
