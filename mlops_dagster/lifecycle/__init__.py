"""The stages of a model's life, one function each: train, promote, score, monitor, decide."""
