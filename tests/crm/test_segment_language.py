"""The segment language: words and tree are two views of one thing, and what is wrong is told with its place."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.segments import InvalidDefinition, parse, text
from crm.segments.parser import DEPTH_MAX, DURATION_MAX, LEAVES_MAX
from crm.segments.tokens import LENGTH_MAX
from crm.segments.tree import (
    All,
    Any,
    Argument,
    Day,
    Duration,
    Flag,
    Leaf,
    Money,
    Node,
    Not,
    Number,
    Text,
    depth,
    leaves,
)

WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda word: word not in ("and", "or", "not", "in", "true", "false")
)
AMOUNTS = st.decimals(min_value=0, max_value=999_999_999_999, places=2)
VALUES = st.one_of(
    st.builds(Text, st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)),
    st.builds(Number, AMOUNTS),
    st.builds(Money, AMOUNTS, st.sampled_from(["RSD", "EUR", "USD"])),
    st.builds(Day, st.dates(min_value=date(1900, 1, 1))),
    st.builds(Flag, st.booleans()),
    st.builds(Duration, st.integers(1, 100), st.sampled_from(sorted(DURATION_MAX))),
)
ARGUMENTS = st.lists(st.builds(Argument, WORDS, VALUES), max_size=3, unique_by=lambda each: each.name)
COMPARISONS = st.one_of(
    st.just(("", ())),
    st.tuples(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.tuples(VALUES)),
    st.tuples(st.sampled_from(["in", "not in"]), st.lists(VALUES, min_size=1, max_size=4).map(tuple)),
)
LEAF = st.builds(
    lambda name, arguments, comparison: Leaf(name, tuple(arguments), *comparison),
    WORDS,
    ARGUMENTS,
    COMPARISONS,
)
TREES = st.recursive(
    LEAF,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(All, st.lists(parts, min_size=2, max_size=3).map(tuple)),
        st.builds(Any, st.lists(parts, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=10,
).filter(lambda tree: depth(tree) <= DEPTH_MAX and len(text(tree)) <= LENGTH_MAX)


@given(TREES)
def test_the_text_of_a_tree_is_read_as_the_same_tree(tree: Node) -> None:
    written = text(tree)
    assert parse(written) == tree
    assert text(parse(written)) == written


@given(st.text(max_size=60))
def test_any_text_is_a_tree_or_a_problem_with_its_place(words: str) -> None:
    try:
        tree = parse(words)
    except InvalidDefinition as refusal:
        assert 0 <= refusal.problem.start <= len(words)
        assert refusal.problem.start <= refusal.problem.end
    else:
        assert parse(text(tree)) == tree


@given(TREES, st.data())
def test_conditions_know_where_they_stand(tree: Node, data: st.DataObject) -> None:
    written = text(tree)
    for leaf in leaves(parse(written)):
        assert parse(written[leaf.start : leaf.end]) == leaf
        for argument in leaf.arguments:
            assert written[argument.start : argument.end] in written[leaf.start : leaf.end]


def test_the_example_of_the_product() -> None:
    words = 'tier = 2 and bought(category: "backlist", within: 90 days) and not bought(campaign: "autumn")'
    assert parse(words) == All(
        (
            Leaf("tier", (), "=", (Number(Decimal(2)),)),
            Leaf(
                "bought",
                (Argument("category", Text("backlist")), Argument("within", Duration(90, "day"))),
            ),
            Not(Leaf("bought", (Argument("campaign", Text("autumn")),))),
        )
    )
    assert text(parse(words)) == words


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("a AND b Or Not c", "a and b or not c"),
        ("a and (b or c)", "a and (b or c)"),
        ("(a and b) or c", "a and b or c"),
        ("((a))", "a"),
        ("not (a or b)", "not (a or b)"),
        ("tier<>2", "tier != 2"),
        ("tier not in(1,2)", "tier not in (1, 2)"),
        ("city = „Niš“", 'city = "Niš"'),
        ('city = “a"b”', r'city = "a\"b"'),
        ("spent >= 10000.50 RSD", "spent >= 10000.5 RSD"),
        ("a(within: 1 days, x: 2 week)", "a(within: 1 day, x: 2 weeks)"),
        ("a(since: 2026-02-28) = TRUE", "a(since: 2026-02-28) = true"),
        ("a = 1 AND b", "a = 1 and b"),
    ],
)
def test_one_canonical_text(written: str, canonical: str) -> None:
    assert text(parse(written)) == canonical


@pytest.mark.parametrize(
    ("words", "code", "start", "end", "expected"),
    [
        ("", "EMPTY", 0, 0, None),
        ("   ", "EMPTY", 0, 3, None),
        ("tier =", "EXPECTED", 6, 7, ("value",)),
        ("tier = = 2", "EXPECTED", 7, 8, ("value",)),
        ("tier = 2 tier = 3", "EXPECTED", 9, 13, ("and", "or", "end")),
        ("(tier = 2", "EXPECTED", 9, 10, ("and", "or", ")")),
        ("tier = 2)", "EXPECTED", 8, 9, ("and", "or", "end")),
        ("and tier = 2", "EXPECTED", 0, 3, ("condition", "not", "(")),
        ("a and", "EXPECTED", 5, 6, ("condition", "not", "(")),
        ("bought(category)", "EXPECTED", 15, 16, (":",)),
        ('bought("x")', "EXPECTED", 7, 10, ("argument", ")")),
        ("a in 2", "EXPECTED", 5, 6, ("(",)),
        ('bought(category: "x" within: 2 days)', "EXPECTED", 21, 27, (",", ")")),
        ("bought(a: 1, a: 2)", "REPEATED_ARGUMENT", 13, 14, None),
        ('city = "Niš', "UNCLOSED_TEXT", 7, 11, None),
        ("tier = 2; drop", "UNEXPECTED_CHARACTER", 8, 9, None),
        ("tier = 1.2.3", "BAD_NUMBER", 7, 12, None),
        ("tier = 12a", "BAD_NUMBER", 7, 10, None),
        ("a(since: 2026-02-30)", "BAD_DATE", 9, 19, None),
        ("a(within: 1.5 days)", "BAD_DURATION", 10, 18, None),
        ("a(within: 0 days)", "BAD_DURATION", 10, 16, None),
        ("a(within: 101 years)", "BAD_DURATION", 10, 19, None),
        ('a = "x\x00y"', "UNEXPECTED_CHARACTER", 6, 7, None),
    ],
)
def test_a_mistake_is_told_with_its_place(
    words: str, code: str, start: int, end: int, expected: tuple[str, ...] | None
) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        parse(words)
    problem = refused.value.problem
    assert (problem.code, problem.start, problem.end) == (code, start, end)
    if expected is not None:
        assert problem.details["expected"] == expected


def test_nesting_number_and_length_are_bounded() -> None:
    def code_of(words: str) -> str:
        with pytest.raises(InvalidDefinition) as refused:
            parse(words)
        return refused.value.problem.code

    assert depth(parse("not " * DEPTH_MAX + "a")) == DEPTH_MAX
    assert code_of("not " * (DEPTH_MAX + 1) + "a") == "TOO_DEEP"
    assert code_of("(" * 500 + "a" + ")" * 500) == "TOO_DEEP"
    assert len(list(leaves(parse(" or ".join(["a"] * LEAVES_MAX))))) == LEAVES_MAX
    assert code_of(" or ".join(["a"] * (LEAVES_MAX + 1))) == "TOO_MANY"
    assert code_of("a" * (LENGTH_MAX + 1)) == "TOO_LONG"
    assert code_of(f"a in ({', '.join(['1'] * 101)})") == "TOO_MANY_VALUES"


@pytest.mark.parametrize(
    ("duration", "moment", "before"),
    [
        (Duration(90, "day"), datetime(2026, 3, 31, 12, tzinfo=UTC), datetime(2025, 12, 31, 12, tzinfo=UTC)),
        (Duration(2, "week"), datetime(2026, 3, 31, tzinfo=UTC), datetime(2026, 3, 17, tzinfo=UTC)),
        (Duration(1, "month"), datetime(2026, 3, 31, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),
        (Duration(13, "month"), datetime(2026, 1, 31, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC)),
        (Duration(1, "year"), datetime(2028, 2, 29, tzinfo=UTC), datetime(2027, 2, 28, tzinfo=UTC)),
    ],
)
def test_months_and_years_go_by_the_calendar(duration: Duration, moment: datetime, before: datetime) -> None:
    assert duration.before(moment) == before
