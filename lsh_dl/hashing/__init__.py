"""Locality-sensitive hashing of weight vectors: projections, tables, probing."""
