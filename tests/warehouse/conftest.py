import pytest

from tests.warehouse import world as worlds


@pytest.fixture
def world(db: None) -> worlds.World:
    return worlds.build()


@pytest.fixture
def committed_world(transactional_db: None) -> worlds.World:
    """The same, visible to other connections: for races."""
    return worlds.build()
