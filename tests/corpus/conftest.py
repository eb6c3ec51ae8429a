from collections.abc import Iterator

import pytest

from avemo import engine


@pytest.fixture(scope="module", autouse=True)
def _no_workers() -> Iterator[None]:
    """A few recordings are measured in this process: each worker would import all anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "count_cores", lambda: 1)
        yield
