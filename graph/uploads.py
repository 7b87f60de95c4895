"""Files in requests, as the GraphQL multipart request specification has them.

A page of another site can make a browser send a form, but not with an Authorization header, and
there are no cookies: so a form is only read from who has sent credentials that are good.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from cross_web import FormData, HTTPException, StarletteRequestAdapter
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException as MalformedForm
from starlette.types import Scope

_FORM = "multipart/form-data"
# What comes beside a file: the operation, the map, and the lines between them.
FORM_BYTES = 100_000


def brings_file(scope: Scope) -> bool:
    content_type = Headers(scope=scope).get("content-type", "")
    return scope["path"] == "/graphql" and content_type.lower().startswith(_FORM)


class FormRequest(StarletteRequestAdapter):
    """Strawberry's way to a request, for forms with one file."""

    async def get_form_data(self) -> FormData:
        try:
            form = await self._request.form(max_files=1, max_fields=2, max_part_size=FORM_BYTES)
        except MalformedForm as error:
            raise HTTPException(400, f"The form cannot be read: {error.detail}") from error
        return FormData(files=form, form=form)


def operation_in(
    form: Mapping[str, str | UploadFile], decode_json: Callable[[str], object]
) -> dict[str, Any]:
    """The operation, with the file in its variables. Raises HTTPException."""
    operation, places = _field(form, "operations", decode_json), _field(form, "map", decode_json)
    for part, paths in places.items():
        file = form.get(part)
        if not isinstance(file, UploadFile) or not isinstance(paths, list):
            raise HTTPException(400, f"map.{part} is a list of variables, and {part} a file.")
        for path in cast("list[object]", paths):
            _place(operation, path, file)
    return operation


def _field(
    form: Mapping[str, str | UploadFile], name: str, decode_json: Callable[[str], object]
) -> dict[str, Any]:
    text = form.get(name)
    try:
        value = decode_json(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise HTTPException(400, f"The form has a field {name}, which is a JSON object.")
    return cast("dict[str, Any]", value)


def _place(operation: dict[str, Any], path: object, file: UploadFile) -> None:
    first, *names = path.split(".") if isinstance(path, str) else [""]
    place: object = operation.get(first)
    for name in names[:-1]:
        place = cast("dict[str, object]", place).get(name) if isinstance(place, dict) else None
    inputs = cast("dict[str, object]", place) if isinstance(place, dict) else {}
    if first != "variables" or not names or inputs.get(names[-1], file) is not None:
        raise HTTPException(400, "map names variables that are null, as in variables.input.file.")
    inputs[names[-1]] = file
