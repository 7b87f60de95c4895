"""What makes the embedded database faster changes nothing that it does."""

import subprocess
import sys

from persistence.embedded import CHILD

# In a process of its own, since it changes what all of it uses.
COMPARISON = """
import copy, importlib, runpy, sys
from datetime import UTC, datetime
from bson import ObjectId

engine = importlib.import_module("wiredtiger.swig_wiredtiger")
unpack, pack, deepcopy = engine.unpack, engine.pack, copy.deepcopy
runpy.run_path(sys.argv[1])["quicken"]()
assert engine.unpack is not unpack and engine.pack is not pack and copy.deepcopy is not deepcopy

rows = [
    ("u", b""), ("u", b"\\x00bytes"), ("S", ""), ("S", "clé"), ("q", 0), ("q", -7), ("q", 2**40),
    ("SS", "a", "b"), ("SSS", "db", "coll", "index_1"), ("SSu", "db", "c", b"\\x00\\xff"),
    ("SSSu", "db", "c", "i", b"key"), ("SSSu", "d", "clé", "", b""), ("SSq", "db", "c", 12),
    ("SSSu", "db", "c", "i", b"\\x00a\\x00"), ("SSq", "db", "c", True),
]
for form, *values in rows * 2:
    packed = pack(form, *values)
    assert engine.pack(form, *values) == packed, form
    assert engine.unpack(form, packed) == unpack(form, packed), form
    engine.unpack(form, packed).append("what one reader does with it")
    assert engine.unpack(form, packed) == unpack(form, packed), form

now = datetime.now(UTC)
document = {"_id": ObjectId(), "at": now, "n": {"list": [1, {"at": now, "key": ObjectId()}]}}
copied = copy.deepcopy(document)
assert copied == document == copy.deepcopy(document, memo={})
assert copied["n"]["list"] is not document["n"]["list"]
assert copied["n"]["list"][1] is not document["n"]["list"][1]
"""

# A transaction is in use while another thread holds its mutex.
QUEUES = """
import runpy, sys, threading
from secantus.transactions import TransactionRegistry, TxnState

runpy.run_path(sys.argv[1])["unblock"]()
clock = [0.0]
ended = []
registry = TransactionRegistry(
    rollback_func=ended.append, lifetime_seconds=10, time_func=lambda: clock[0]
)
begin = lambda session: registry.for_statement(session, None, 1, start=True)[0]
busy, idle = begin(b"busy"), begin(b"idle")
is_held, is_over = threading.Event(), threading.Event()

def work():
    with busy.mutex:
        is_held.set()
        is_over.wait()

worker = threading.Thread(target=work)
worker.start()
is_held.wait()
try:
    clock[0] = 11.0
    newest = begin(b"newest")
    assert ended == [idle] and idle.state is TxnState.ABORTED, ended
    assert registry.commit(b"newest", 1) is None and newest.state is TxnState.COMMITTED
    assert busy.state is TxnState.IN_PROGRESS
finally:
    is_over.set()
    worker.join()
assert registry.prune_expired() == 1 and busy.state is TxnState.ABORTED

for number in range(10_003):
    clock[0] += 0.01
    registry.record_retryable(b"writes", number, b"same", {"ok": 1.0, "n": number})
reply = lambda number: registry.retryable_reply(b"writes", number, b"same")
assert [reply(number) for number in (0, 2)] == [None, None]
assert reply(3) == {"ok": 1.0, "n": 3} and reply(10_002) == {"ok": 1.0, "n": 10_002}
assert registry.retryable_reply(b"writes", 10_002, b"another") is None
clock[0] += 1_750
assert reply(3) is None and reply(10_002) is not None
clock[0] += 60
assert reply(10_002) is None
"""


def test_what_is_remembered_is_what_would_have_been_found_out_again() -> None:
    run = subprocess.run(
        [sys.executable, "-c", COMPARISON, str(CHILD)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_writers_wait_for_nobody_else_and_idle_transactions_still_end() -> None:
    run = subprocess.run(
        [sys.executable, "-c", QUEUES, str(CHILD)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert run.returncode == 0, run.stderr
