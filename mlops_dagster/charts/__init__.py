"""Small pictures of reports, as SVG in Markdown: what Dagster's UI shows beside numbers."""
