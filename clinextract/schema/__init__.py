"""What a schema's fields are."""
