"""A believable company to try the system on: its people, what befalls them, and its playing."""
