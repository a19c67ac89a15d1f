"""Pure rules of a city's citizen reports: no files, no network, no Qt, no clock; may import api_client.model only."""
