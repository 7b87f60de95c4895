"""The rules: who may do what, and what then happens. Knows nothing of GraphQL or HTTP."""
