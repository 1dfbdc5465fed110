"""What users write: YAML read with positions, strict models, names resolved, all mistakes at once."""
