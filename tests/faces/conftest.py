import pytest
from helpers.detectors import DETECTORS, load_detector

from avemo.faces.detectors import Detector


@pytest.fixture(scope="session", params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> Detector:
    return load_detector(request.param)
