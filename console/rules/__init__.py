"""Pure rules of a city's reports, for console and server alike; imports only the structs of `api_client`."""
