"""`python -m tests.audit`: whether what is locked is known to be vulnerable. Part of `make lint`.

pip-audit and npm ask a service on the network. Where none is within reach it says so, and nothing
fails: that is no fault of the code.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
# What runs in production; what only builds and tests never meets a stranger's data. All that
# GraphiQL is built of ends up in it.
REQUIREMENTS = "requirements.txt"
PACKAGES: dict[str, list[str]] = {"dashboard": ["--omit=dev"], "graph/graphiql": []}
SECONDS = 20
# Those of npm that are worth a failure.
SEVERE = ("high", "critical")


class OutOfReach(Exception):
    """No service answered."""


def vulnerable_requirements(printed: str) -> list[str]:
    """From what pip-audit prints as JSON. Raises OutOfReach where it knew of nothing."""
    try:
        dependencies: list[dict[str, Any]] = json.loads(printed)["dependencies"]
    except (ValueError, KeyError):
        raise OutOfReach from None
    known = [each for each in dependencies if "vulns" in each]
    if not known:
        raise OutOfReach
    return [
        f"{each['name']} {each['version']}: {fault['id']}"
        for each in known
        for fault in each["vulns"]
    ]


def vulnerable_packages(printed: str) -> list[str]:
    """From what npm prints as JSON. Raises OutOfReach."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(printed)["vulnerabilities"]
    except (ValueError, KeyError):
        raise OutOfReach from None
    return [
        f"{name}: {each['severity']}" for name, each in found.items() if each["severity"] in SEVERE
    ]


def _printed(command: Sequence[str | Path], directory: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        raise OutOfReach from None
    return done.stdout


def main() -> int:
    pip_audit = [BIN / "pip-audit", "--disable-pip", "--require-hashes", "--format", "json"]
    npm_audit = [BIN / "npm", "audit", "--json"]
    audits = [(ROOT, REQUIREMENTS, [*pip_audit, "-r", REQUIREMENTS], vulnerable_requirements)]
    audits += [
        (ROOT / name, name, [*npm_audit, *options], vulnerable_packages)
        for name, options in PACKAGES.items()
    ]
    status = 0
    # Each mostly waits for somebody else.
    with ThreadPoolExecutor() as pool:
        printed = [pool.submit(_printed, command, directory) for directory, _, command, _ in audits]
    for (_, name, _, vulnerable), answer in zip(audits, printed, strict=True):
        try:
            found = vulnerable(answer.result())
        except OutOfReach:
            _say(f"SKIPPED: {name} was not audited: no service that knows is within reach")
            continue
        _say(f"{name}: {'; '.join(found) or 'nothing is known to be vulnerable'}")
        status |= bool(found)
    return status


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
