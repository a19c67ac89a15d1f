"""The city's map on this computer: made of one file; its background, streets, places; imports `files` only."""
