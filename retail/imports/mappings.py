"""Mapping files: TOML tables that are shipped by name or given by path."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import InvalidOperation
from pathlib import Path
from typing import Any, Generic, TypeVar

from retail.kernel.errors import InvalidInput


class UnknownMapping(InvalidInput):
    """No shipped mapping has this name and no file has this path, or none fits the file's columns."""

    code = "UNKNOWN_MAPPING"


class BadMapping(InvalidInput):
    """The mapping file cannot be read or names what the rows do not have."""

    code = "BAD_MAPPING"


M = TypeVar("M")


class Shelf(Generic[M]):
    """The mappings shipped in one folder, and others by path. `build` gets the table, its digest and the file's stem."""

    def __init__(self, folder: Path, build: Callable[[dict[str, Any], str, str], M]) -> None:
        self.folder, self.build = folder, build

    def shipped(self) -> list[M]:
        return [self._read(path) for path in sorted(self.folder.glob("*.toml"))]

    def load(self, name: str) -> M:
        path = self.folder / f"{name}.toml" if name.isidentifier() else Path(name)
        if not path.is_file():
            names = ", ".join(sorted(path.stem for path in self.folder.glob("*.toml")))
            raise UnknownMapping(f"No mapping {name}. Give a TOML file or one of: {names}.", mapping=name)
        return self._read(path)

    def _read(self, path: Path) -> M:
        content = path.read_bytes()
        with _refusing_badly_written(path.name):
            return self.build(
                tomllib.loads(content.decode("utf-8")), hashlib.sha256(content).hexdigest(), path.stem
            )


@contextmanager
def _refusing_badly_written(name: str) -> Iterator[None]:
    try:
        yield
    except (
        tomllib.TOMLDecodeError,
        UnicodeDecodeError,
        TypeError,
        KeyError,
        InvalidOperation,
        AttributeError,
    ) as problem:
        raise BadMapping(f"{name}: {problem}") from None
