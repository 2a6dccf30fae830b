"""A config, checked in full, and the runs that it means."""
