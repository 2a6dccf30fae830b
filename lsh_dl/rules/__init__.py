"""The selection rules, one class a file; see base.py."""
