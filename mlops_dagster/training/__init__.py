"""From a training set to a model with an honest evaluation, and whether it may be promoted."""
