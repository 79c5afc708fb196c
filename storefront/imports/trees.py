"""Raw subject headings become a tree that a shopper can walk."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from retail.imports.mappings import BadMapping
from retail.kernel.fold import fold
from storefront.imports.mapping import TREES
from storefront.rules import slug_of

SEPARATOR = ">"


@dataclass(frozen=True, slots=True)
class Node:
    """A category to be: its path says where it hangs."""

    path: str
    name: str
    name_en: str
    position: int

    @property
    def parent_path(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def slug(self) -> str:
        return self.path.rpartition("/")[2]


class Tree:
    """A shipped tree, or the paths that the file itself writes (`Aisle > Branch`) when `name` is empty."""

    def __init__(self, name: str) -> None:
        self.name = name or "file"
        self.nodes: dict[str, Node] = {}
        self._raw: dict[str, str] = {}
        self._words: list[tuple[str, str]] = []
        self._open_aisles: dict[str, str] = {}
        self.default = self.unknown = ""
        self._found: dict[str, tuple[str, ...]] = {}
        if name:
            self._read(name)

    def paths(self, heading: str) -> tuple[str, ...]:
        """The branch that a heading belongs to with its ancestors, leaf last; the nodes exist in `nodes` afterwards."""
        if (known := self._found.get(heading)) is None:
            known = self._found[heading] = _with_ancestors(self._leaf(heading.strip()))
        return known

    def _leaf(self, heading: str) -> str:
        if not self.default:
            return self._written(heading)
        if not heading:
            return self.unknown
        folded = fold(heading)
        leaf = self._raw.get(folded) or next(
            (path for word, path in self._words if word in folded), self.default
        )
        return self._raw_branch(leaf, heading) if leaf in self._open_aisles else leaf

    def _raw_branch(self, aisle: str, heading: str) -> str:
        path = f"{aisle}/{slug_of(heading)[:80]}"
        self.nodes.setdefault(path, Node(path, heading[:120], heading[:120], 1000))
        return path

    def _written(self, heading: str) -> str:
        path = ""
        for name in filter(None, (part.strip() for part in heading.split(SEPARATOR))):
            path = f"{path}/{slug_of(name)[:80]}" if path else slug_of(name)[:80]
            self.nodes.setdefault(path, Node(path, name[:120], "", 1000))
        return path

    def _read(self, name: str) -> None:
        table = _table(name)
        self.default, self.unknown = table["default"], table["unknown"]
        for position, aisle in enumerate(table["aisles"]):
            self._add(aisle, "", position)
            if aisle.get("has_raw_branches"):
                self._open_aisles[aisle["slug"]] = aisle["name"]
            for place, branch in enumerate(aisle.get("branches", ())):
                self._add(branch, aisle["slug"], place)

    def _add(self, entry: dict[str, Any], parent: str, position: int) -> None:
        path = f"{parent}/{entry['slug']}" if parent else entry["slug"]
        self.nodes[path] = Node(path, entry["name"], entry["name_en"], position)
        self._raw.update((fold(raw), path) for raw in entry.get("raw", ()))
        self._words.extend((word, path) for word in entry.get("words", ()))


def _with_ancestors(leaf: str) -> tuple[str, ...]:
    parts = leaf.split("/") if leaf else []
    return tuple("/".join(parts[: depth + 1]) for depth in range(len(parts)))


@lru_cache(maxsize=8)
def _table(name: str) -> dict[str, Any]:
    path = TREES / f"{name}.toml"
    if not name.isidentifier() or not path.is_file():
        raise BadMapping(f"There is no tree {name}.", tree=name)
    return tomllib.loads(path.read_text(encoding="utf-8"))
