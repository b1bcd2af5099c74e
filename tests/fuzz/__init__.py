"""Odd input by the thousand: valid files, bent in many ways, each read as ``shipway check`` reads it."""
