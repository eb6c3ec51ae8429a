from pathlib import Path

import pytest

from avemo.faces import detectors
from avemo.faces.detectors import Detector
from avemo.pretrained import assets

WEIGHTS = Path(__file__).parents[2] / "../shared/weights"


@pytest.fixture(scope="session", params=["scrfd", "mtcnn"])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "mtcnn":
        return detectors.load("mtcnn", None, 320)
    if not (WEIGHTS / "scrfd_500m_kps.onnx").is_file():
        pytest.skip("needs ../shared/weights/scrfd_500m_kps.onnx")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(assets.MIRROR, str(WEIGHTS))
        name, weights = detectors.resolve("scrfd")
        assert weights is not None
        return detectors.load(name, weights.read_bytes(), 320)
