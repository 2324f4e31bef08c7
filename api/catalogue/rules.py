"""Small files of rules: TOML read strictly, once a process; what is wrong in one keeps the service from starting."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from api.errors import ApiError, Kind

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{2,63}$")]
"""A rule's name, as other files and rows of the database have it."""
Text = Annotated[str, StringConstraints(min_length=2)]
"""What people read."""


class Strict(BaseModel):
    """No coercion, no unknown member."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Versioned(Strict):
    """A file that names its version."""

    version: int = Field(ge=1)


F = TypeVar("F", bound=Versioned)


def read_rules(path: Path, model: type[F]) -> F:
    """The file as its model has it. Raises ApiError `catalogue.bad_file`."""
    try:
        return model.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise _bad(path, type(error).__name__) from None


def check_once(path: Path, codes: Iterable[str]) -> None:
    """Raise ApiError `catalogue.bad_file` where a code stands twice."""
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise _bad(path, f"{code} stands twice")
        seen.add(code)


def _bad(path: Path, problem: str) -> ApiError:
    return ApiError("catalogue.bad_file", Kind.INTERNAL, file=path.name, where="", problem=problem)
