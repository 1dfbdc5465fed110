"""One asset factory a stage: tables, training, serving, monitoring."""
