"""Data sets, one file each, and what prepares them; `base.py` is the contract."""
