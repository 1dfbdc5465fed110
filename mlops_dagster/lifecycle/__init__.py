"""The stages of a model's life, each one function that joins the domain packages: train, score, monitor, decide."""
