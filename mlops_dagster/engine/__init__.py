"""Spark sessions: a local Connect server of our own, a remote one, or Databricks."""
