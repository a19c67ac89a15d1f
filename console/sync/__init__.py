"""The sync process: it pulls, maps and sends what it is handed; imports `cache`, `rules` and `api_client`."""
