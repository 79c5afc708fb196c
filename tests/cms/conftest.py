import pytest

from tests.flows.chain import Chain, make_chain


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()
