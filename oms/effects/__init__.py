"""What a campaign earned that would not have come without it: random holdout, intent to treat, CUPED."""

from oms.effects.measure import Effect, Estimate, Sight, effect_of, history_of, sight_of
from oms.effects.rules import History, SmallestEffect, smallest_effect, usual_share

__all__ = [
    "Effect",
    "Estimate",
    "History",
    "Sight",
    "SmallestEffect",
    "effect_of",
    "history_of",
    "sight_of",
    "smallest_effect",
    "usual_share",
]
