"""Schema files: what a clinician writes in YAML, and the way from there to a schema and back."""
