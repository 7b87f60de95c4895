"""What storage can refuse or fail with, in terms that the layers above may know."""

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)


class StorageError(Exception):
    """Base of this module's errors."""


class Duplicate(StorageError):
    """A document with the same unique value exists; `index` is that index's name or key."""


class UnsuitableServer(StorageError):
    """The database server lacks something this system needs; the message says what to do."""


# Codes by which a server says that it cannot serve now: shutting down, not primary, out of disk, or
# (WriteConflict) what is to be written is held by the transaction of a client that was killed, or
# (NoSuchTransaction) each try took longer than the server lets a transaction last, or
# (InternalError) it has failed itself, as the embedded one does where its disk is full.
_PASSING_CODES = frozenset(
    {1, 11600, 91, 189, 10107, 13435, 13436, 11602, 14031, 50, 262, 112, 251}
)


def is_unavailable(error: BaseException) -> bool:
    """Whether `error` means that the database cannot be reached or cannot answer at present."""
    if isinstance(error, ConnectionFailure | NetworkTimeout | ExecutionTimeout | WTimeoutError):
        return True
    if isinstance(error, OperationFailure):
        return error.code in _PASSING_CODES
    # What was cut off between two retries of a transaction.
    return isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError")


# Everything the driver raises, for those above who ask `is_unavailable` about it.
STORAGE_ERRORS: tuple[type[Exception], ...] = (PyMongoError,)
