"""Pure vocabulary and rules of a city's citizen reports: no files, no network, no Qt, no clock."""
