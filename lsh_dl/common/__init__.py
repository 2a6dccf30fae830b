"""What every other package may use: errors, files, discovery, checked records."""
