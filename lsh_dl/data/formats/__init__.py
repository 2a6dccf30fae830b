"""Readers of file formats, a file a format, and of publications that several data sets share."""
