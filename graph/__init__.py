"""The API: GraphQL types, the HTTP application around them, and the command line."""
