"""Bake files: HCL and HCL-JSON, evaluated from files alone."""

from shipway.fleet.discover.bake.reader import BAKE, BakeReader, read_together

__all__ = ["BAKE", "BakeReader", "read_together"]
