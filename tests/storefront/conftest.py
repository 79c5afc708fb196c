import pytest

from tests.flows.chain import Chain, make_chain


@pytest.fixture
def chain(db: None) -> Chain:
    """A small chain that sells: a warehouse, a store with pickup, prices, couriers."""
    return make_chain()
