"""Point-in-time features: training sets, rows to score, predictions beside their labels."""
