from hypothesis import given
from hypothesis import strategies as st

from retail.front.charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    BarChart,
    Series,
    Term,
    draw,
    nice_step,
    spark,
    stack,
)


def test_bars_stand_on_zero_and_reach_their_value() -> None:
    drawing = draw(BarChart("", "", ["a", "b"], Series("", [50, 100])))
    assert [mark for _y, mark in drawing.grid] == [0, 50, 100]
    assert [(bar.y, bar.height) for bar in drawing.bars] == [(110.0, 90.0), (20.0, 180.0)]
    assert drawing.zero == BOTTOM


def test_negative_bars_hang_below_zero() -> None:
    drawing = draw(BarChart("", "", ["a", "b"], Series("", [-50, 50])))
    assert drawing.bars[0].y == drawing.zero
    assert drawing.bars[1].y + drawing.bars[1].height == drawing.zero


def test_an_unknown_value_is_not_zero_in_the_table() -> None:
    drawing = draw(BarChart("", "", ["7", "8"], Series("", [12, None]), Series("", [10, 11])))
    assert drawing.rows == [("7", 12, 10), ("8", None, 11)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=31))
def test_everything_stays_inside_the_picture(values: list[float]) -> None:
    drawing = draw(BarChart("", "", [str(n) for n in range(len(values))], Series("", values)))
    for bar in drawing.bars:
        assert TOP - 0.2 <= bar.y <= bar.y + bar.height <= BOTTOM + 0.2
        assert LEFT <= bar.x <= bar.x + bar.width <= RIGHT + 0.2
    assert len(drawing.grid) <= 12


def test_steps_are_round_numbers() -> None:
    assert [nice_step(span) for span in (7, 104, 0.3, 0)] == [2, 50, 0.1, 1]


def test_terms_share_one_scale_and_keep_their_colour() -> None:
    parts = stack(
        [Term("prevoz", 310), Term("rad", 45), Term("kašnjenje", 0), Term("opterećenje", 60)], scale=800
    )
    assert [(part.x, part.width, part.colour) for part in parts] == [
        (0.0, 155.0, "c1"),
        (155.0, 22.5, "c2"),
        (177.5, 30.0, "c4"),
    ]


def test_a_flat_line_and_a_single_value_do_not_break() -> None:
    assert spark([5, 5]) == "M3.0 33.0 L101.0 33.0"
    assert spark([5]) == ""
