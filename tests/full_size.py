"""TICKETS_TEST_FULL_SIZE=1: loads and repetitions as large as what they stand for.

Without it they are as large as a run of all tests has time for. So long lasts what has no end of
its own: TICKETS_FUZZ_SECONDS each kind of senseless request, TICKETS_SOAK_SECONDS the common day;
without them a few hundred requests, which is how `make test` runs them.
"""

import os

IS_FULL_SIZE = bool(os.environ.get("TICKETS_TEST_FULL_SIZE"))
FUZZ_SECONDS = float(os.environ.get("TICKETS_FUZZ_SECONDS", "0"))
SOAK_SECONDS = float(os.environ.get("TICKETS_SOAK_SECONDS", "0"))
