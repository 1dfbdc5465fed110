"""The quality bench in other tools; each program runs in an environment of its own."""
