"""What a request costs, beside the least that it could cost. Run by `make bench`."""
