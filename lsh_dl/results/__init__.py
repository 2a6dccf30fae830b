"""From the rows of runs to tables, claims and pages; nothing here trains."""
