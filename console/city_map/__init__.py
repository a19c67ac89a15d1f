"""The city's map on this computer: the tiles of the background; imports nothing of ours."""
