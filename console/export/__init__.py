"""Reports written to files: GeoPackage, pages of a PDF, the columns of all formats; imports `rules`."""
