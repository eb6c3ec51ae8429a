"""Settings of the faces, as params.yaml has them."""

from typing import Annotated, Literal

from pydantic import Field

from ..schema import Strict

__all__ = ["Settings"]


class Settings(Strict):
    """How faces are detected and cut out."""

    detector: Literal["auto", "yunet", "mtcnn", "scrfd"]
    detector_side_px: Annotated[int, Field(ge=128, le=640)]
    frames: Annotated[int, Field(ge=1, le=256)]  # they are held in memory, up to 3 MB each
    spread: Literal["all", "voiced", "middle"]
    voiced_db: Annotated[float, Field(gt=0, le=90)]
    side_px: Annotated[int, Field(ge=32, le=512)]
    margin: Annotated[float, Field(ge=0, le=0.5)]
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    max_gap_frames: Annotated[int, Field(ge=0)]
    min_score: Annotated[float, Field(ge=0, le=1)]
    min_face_px: Annotated[float, Field(ge=0)]
    min_brightness: Annotated[float, Field(ge=0, le=255)]
    max_yaw: Annotated[float, Field(gt=0, le=180)]
    max_cut_ratio: Annotated[float, Field(ge=0, le=1)]
