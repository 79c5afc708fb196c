"""Who breaks off a long proof goes on where he was; what was not clean is played again, and said."""

from __future__ import annotations

from pathlib import Path

from tests.proof.days import Told, in_a_line, played, summary


def told(seed: int, *, stuck: tuple[str, ...] = ()) -> Told:
    return {
        "ok": not stuck,
        "seed": seed,
        "seconds": 1.4,
        "fingerprint": f"f{seed}",
        "faults": {"card LOST": seed, "short pick": 1},
        "states": {"COMPLETED / PAID / DELIVERED": 2, "CANCELED / NONE / UNROUTED": 1},
        "stuck": list(stuck),
        "doctor": [{"name": "no_dead_event", "violations": 1, "rows": [{"id": 7}]}] if stuck else [],
    }


def test_a_clean_seed_is_played_once_and_another_until_it_is_clean(tmp_path: Path) -> None:
    asked: list[int] = []
    said: list[str] = []
    stuck = {2: ("ORD-2026-000007: PLACED / PAID / PICKING",)}

    def simulate(seed: int) -> Told:
        asked.append(seed)
        return told(seed, stuck=stuck.get(seed, ()))

    def play(seeds: range) -> list[Told]:
        return played(seeds, kept=tmp_path / "kept", simulate=simulate, say=said.append, at_once=1)

    assert [one["ok"] for one in play(range(1, 3))] == [True, False]
    assert (asked, said) == (
        [1, 2],
        [
            "1 of 2: seed 1 clean, 3 orders placed, faults struck 2 times, 1 s, fingerprint f1",
            "2 of 2: seed 2 NOT CLEAN, 3 orders placed, faults struck 3 times, 1 s, fingerprint f2\n"
            "  stuck: ORD-2026-000007: PLACED / PAID / PICKING\n"
            "  doctor: no_dead_event: 1 rows\n"
            "      {'id': 7}",
        ],
    )
    asked.clear()
    said.clear()
    stuck.clear()
    assert [(one["seed"], one["ok"]) for one in play(range(1, 4))] == [(1, True), (2, True), (3, True)]
    assert asked == [2, 3]
    assert said[0] == "clean before, by the same code: seeds 1"
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["1.json", "2.json", "3.json"]


def test_a_seed_whose_process_died_is_not_clean() -> None:
    died: Told = {"ok": False, "seed": 3, "died": "exit -9: "}
    assert in_a_line(died) == "seed 3 NOT CLEAN"
    assert summary([told(1), died]) == [
        "",
        "faults that struck: 2",
        "       1  card LOST",
        "       1  short pick",
        "",
        "orders by state (order / payment / fulfillment): 3",
        "       1  CANCELED / NONE / UNROUTED",
        "       2  COMPLETED / PAID / DELIVERED",
        "",
        "1 of 2 seeds clean",
        "NOT CLEAN: 3",
    ]
