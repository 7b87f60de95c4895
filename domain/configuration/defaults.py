"""What the system knows before anybody has configured it."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def built_in() -> Mapping[str, Any]:
    """`defaults.json`: the default value of each section, and the presets."""
    return json.loads(resources.files("domain").joinpath("defaults.json").read_bytes())


@cache
def built_in_instructions(language: str) -> str:
    """The instructions template for an assistant that speaks `language`."""
    return resources.files("domain").joinpath("instructions", f"{language}.txt").read_text("utf-8")
