"""Readers of file formats, a file a format."""
