"""A project in a notebook: its tables, training sets, models and decisions, only to be read."""
