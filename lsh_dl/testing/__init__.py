"""Checks of a selection rule of one's own."""
