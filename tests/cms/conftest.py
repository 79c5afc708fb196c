import pytest

from retail.kernel.models import User
from storefront.models import Variant
from tests.flows.chain import Chain, make_chain
from tests.staff import make_staff


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def mila(chain: Chain) -> User:
    return make_staff("MERCHANDISER", name="Mila")


@pytest.fixture
def dragan(chain: Chain) -> User:
    return make_staff("OPS_LEAD", name="Dragan")


@pytest.fixture
def book(chain: Chain) -> Variant:
    return chain.variant(price="1000.00")
