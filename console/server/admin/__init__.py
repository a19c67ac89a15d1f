"""Setting a city up: its folder of plain files, what is wrong in it, what it would change; imports `city`."""
