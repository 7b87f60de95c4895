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
    ("SSSu", "db", "c", "i", b"key"), ("SSq", "db", "c", 12), ("SSq", "db", "c", True),
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


def test_what_is_remembered_is_what_would_have_been_found_out_again() -> None:
    run = subprocess.run(
        [sys.executable, "-c", COMPARISON, str(CHILD)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
