"""Studies beside the main comparison, a file a study: see base.py."""
