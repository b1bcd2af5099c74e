"""Bake files: HCL and HCL-JSON, evaluated from files alone."""

from shipway.fleet.discover.bake.reader import BakeReader

__all__ = ["BakeReader"]
