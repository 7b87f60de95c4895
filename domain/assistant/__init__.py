"""The assistant: a language model that answers customers, within what the system allows it."""
