"""Photos of strangers, decoded by a child process under limits; imports `files` only."""
