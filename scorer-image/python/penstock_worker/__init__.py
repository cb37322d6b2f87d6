"""Runs a scoring script in Python for Penstock's scorer. Standard library only, for Python 3.8 and newer."""
