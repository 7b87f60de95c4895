"""What the audit of dependencies makes of what it is told."""

import json

import pytest

from tests.audit import OutOfReach, vulnerable_packages, vulnerable_requirements
from tests.client import Data


def test_what_is_known_to_be_vulnerable_is_named() -> None:
    told: Data = {
        "dependencies": [
            {"name": "sound", "version": "1", "vulns": []},
            {"name": "broken", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]},
            {"name": "private", "skip_reason": "Dependency not found"},
        ]
    }
    assert vulnerable_requirements(json.dumps(told)) == ["broken 2: CVE-1", "broken 2: CVE-2"]
    packages = {"vulnerabilities": {"a": {"severity": "low"}, "b": {"severity": "critical"}}}
    assert vulnerable_packages(json.dumps(packages)) == ["b: critical"]


@pytest.mark.parametrize(
    "told", ["", "no JSON", "{}", '{"dependencies": [{"name": "a", "skip_reason": "not found"}]}']
)
def test_knowing_of_nothing_is_not_taken_for_knowing_that_all_is_well(told: str) -> None:
    for vulnerable in (vulnerable_requirements, vulnerable_packages):
        with pytest.raises(OutOfReach):
            vulnerable(told)
