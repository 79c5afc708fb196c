"""Who judges an electronic invoice: the schema and our own checks everywhere, the full set of public rules where it lies beside the repository."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from finance import ubl

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
JUDGE = SHARED / "tools" / "check_ubl.py"
EXAMPLES = SHARED / "data" / "efaktura"
NS = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}


def faults(xml: bytes) -> list[tuple[str, ...]]:
    """What anybody finds wrong with the document."""
    found: list[tuple[str, ...]] = [tuple(fault) for fault in ubl.check(xml)]
    judge = public_judge()
    return found + (judge.faults(xml) if judge else [])


@cache
def public_judge() -> Any:
    """None where the rules or the tools that run them are missing."""
    if not JUDGE.is_file() or importlib.util.find_spec("saxonche") is None:
        return None
    spec = importlib.util.spec_from_file_location("check_ubl", JUDGE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.UblJudge()


def said(xml: bytes, path: str) -> str:
    """The text of one element, by its path from the root."""
    return (etree.fromstring(xml).findtext(path, namespaces=NS) or "").strip()


def all_said(xml: bytes, path: str) -> list[str]:
    return [(node.text or "").strip() for node in etree.fromstring(xml).iterfind(path, namespaces=NS)]
