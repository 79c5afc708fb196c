from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProposalMade:
    proposal: str
    kind: str


@dataclass(frozen=True, slots=True)
class ProposalDecided:
    proposal: str
    kind: str
    state: str
