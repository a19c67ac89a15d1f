"""The map: what its page is handed, what its picks mean, what lies one on another, streets."""
