"""Fuzz targets for every reader; `make fuzz`."""
