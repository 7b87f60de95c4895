"""What is stored and how: models, indexes, queries, conditional updates, the embedded server."""
