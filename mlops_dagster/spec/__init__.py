"""What users write: YAML with positions, strict models, names resolved, all mistakes at once."""
