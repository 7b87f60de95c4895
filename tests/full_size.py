"""TICKETS_TEST_FULL_SIZE=1: loads and repetitions as large as what they stand for.

Without it they are as large as a run of all tests has time for.
"""

import os

IS_FULL_SIZE = bool(os.environ.get("TICKETS_TEST_FULL_SIZE"))
