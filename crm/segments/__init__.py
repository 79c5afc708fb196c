"""The segment language: pure, without rows. Words → tree → SQL over `crm_customer c`, through an allow-list of conditions.

A room registers its conditions at start-up from `<room>/segment_conditions.py`:

    register(Condition(name="tier", words=_("Tier"), value=Kind("number"), operators=ORDERED, compile=_tier))

The seat of look-alike segments is the same: a model registers `lookalike(model: …, top: …)` that compiles to an expression over
rows, with `source` naming the model; a segment that uses it comes to life through a Proposal like every other change.
"""

from crm.segments.compiling import Decide, accounts, decider, holds, leaf_fragment, tree_of, where
from crm.segments.parser import parse
from crm.segments.problems import InvalidDefinition, Problem
from crm.segments.registry import (
    EQUAL,
    ORDERED,
    Condition,
    Fragment,
    Kind,
    Name,
    OneOf,
    check,
    condition,
    conditions,
    problems,
    register,
    unregister,
)
from crm.segments.tree import Leaf, Node, leaves, text
from crm.segments.writing import written

__all__ = [
    "EQUAL",
    "ORDERED",
    "Condition",
    "Decide",
    "Fragment",
    "InvalidDefinition",
    "Kind",
    "Leaf",
    "Name",
    "Node",
    "OneOf",
    "Problem",
    "accounts",
    "check",
    "condition",
    "conditions",
    "decider",
    "holds",
    "leaf_fragment",
    "leaves",
    "parse",
    "problems",
    "register",
    "text",
    "tree_of",
    "unregister",
    "where",
    "written",
]
