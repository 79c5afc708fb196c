"""How the columns of a table are written down."""

from typing import TypeAlias

# Label of the model: class of columns (personal, secret, skipped, plain): their names.
Columns: TypeAlias = dict[str, dict[str, tuple[str, ...]]]
