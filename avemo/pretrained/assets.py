"""Pretrained files: what each is, where it officially comes from, and how it is checked.

A file whose checksum differs from the one here is not used. Where nobody publishes a checksum, the
extractor that reads the file checks its content. A file is looked for in the folder
that `AVEMO_ASSETS_MIRROR` names, then in the user's cache, and only then fetched from its origin.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ..cache import CACHE, cache_folder, writable_cache_folder
from ..download import DownloadError, fetch_file
from ..errors import AssetError
from ..io import atomic_write

__all__ = [
    "ASSETS",
    "CACHE",
    "MIRROR",
    "ORIGIN",
    "Asset",
    "AssetStatus",
    "File",
    "file_sha256",
    "find",
    "get",
    "list_assets",
    "verify",
]

MIRROR = "AVEMO_ASSETS_MIRROR"  # a folder to look in first
ORIGIN = "AVEMO_ASSETS_ORIGIN"  # in place of the official address, up to the file's name

ATTEMPTS = 2  # few, so that a machine without a network knows soon


@dataclass(frozen=True)
class File:
    """A published file.

    Args:
        name: of the file on this machine
        bytes: its size; None where it is not published
        sha256: its checksum; None where it is not published
    """

    name: str
    bytes: int | None
    sha256: str | None

    def __str__(self) -> str:
        size = "" if self.bytes is None else f"{self.bytes} bytes with "
        return f"{size}sha256 {self.sha256}"


@dataclass(frozen=True)
class Asset:
    """One set of pretrained weights.

    Args:
        purpose: what avemo needs it for
        source: who published it
        licence: what it may be used for
        url: its official address
        files: the exports that serve the purpose, the one at the official address first
        archive: the zip at that address that holds it; None where the file itself is there
    """

    purpose: str
    source: str
    licence: str
    url: str
    files: tuple[File, ...]
    archive: File | None = None


ASSETS = {
    "face_landmarker": Asset(
        purpose="measuring faces' movements (extractors.blendshapes)",
        source="Google, MediaPipe Face Landmarker",
        licence="Apache-2.0",
        url="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
        files=(
            File(  # its maker names no checksum; this is what many public projects pin
                "face_landmarker.task",
                3_758_596,
                "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            ),
        ),
    ),
    "hsemotion_mobilenet_7": Asset(
        purpose="seeing expressions (extractors.expression)",
        source="EmotiEffLib (HSEmotion)",
        licence="Apache-2.0",
        url="https://github.com/sb-ai-lab/EmotiEffLib/raw/main/models/affectnet_emotions/mobilenet_7.h5",
        files=(
            File("mobilenet_7.h5", None, None),
            File(  # the same network, quantised once, with its normalisation folded in
                "hsemotion_mobilenet_7.keras",
                14_046_465,
                "8375c82d9a25fb0f9b5f4dc4a716607541a1bb1476f5259176d1eaa078158589",
            ),
        ),
    ),
    "scrfd_500m": Asset(
        purpose="face detection (faces.detector: scrfd)",
        source="InsightFace model zoo, pack buffalo_sc",
        licence="non-commercial research only",
        url="https://github.com/deepinsight/insightface/releases/download/model-zoo/buffalo_sc.zip",
        archive=File(
            "buffalo_sc.zip",
            14_969_382,
            "57d31b56b6ffa911c8a73cfc1707c73cab76efe7f13b675a05223bf42de47c72",
        ),
        files=(
            File(
                "det_500m.onnx",
                2_524_817,
                "5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a",
            ),
            File(  # the same network in an earlier export, its input fixed to 640x640
                "scrfd_500m_kps.onnx",
                2_524_095,
                "517cb1980c72422e676738fc45431700fb7cbee56d0f825b623ee427b3e5ce58",
            ),
        ),
    ),
    "vggish": Asset(
        purpose="hearing sounds (extractors.vggish)",
        source="AudioSet release, tensorflow/models research/audioset/vggish",
        licence="Apache-2.0",
        url="https://storage.googleapis.com/audioset/vggish_model.ckpt",
        files=(
            File(  # the release names no checksum; this is what distil-primitives and songbase pin
                "vggish_model.ckpt",
                None,
                "0962b1914e3e053922d957c45bc84a78c985765641dc6bceeeb3a7d8dfecfdf6",
            ),
        ),
    ),
    "vggish_pca": Asset(
        purpose="whitening what VGGish hears (extractors.vggish)",
        source="AudioSet release, tensorflow/models research/audioset/vggish",
        licence="Apache-2.0",
        url="https://storage.googleapis.com/audioset/vggish_pca_params.npz",
        files=(
            File(  # likewise; this is what songbase pins
                "vggish_pca_params.npz",
                None,
                "4d878af3e306defbfb37095365aa7e5a6cecb86bad13e859e626151c4e6a8b9d",
            ),
        ),
    ),
    "whisper_base": Asset(
        purpose="hearing speech (extractors.whisper or whisper_base with model: base)",
        source="OpenAI, openai/whisper-base",
        licence="MIT",
        url="https://huggingface.co/openai/whisper-base/resolve/main/model.safetensors",
        files=(
            File("whisper-base.safetensors", None, None),
            File(  # the encoder alone, float16
                "whisper-base-encoder.safetensors",
                41_192_016,
                "2752bd4a46ab337ffc32c3b72231cb23f72aa91c318a2cd65344662f7227a3db",
            ),
        ),
    ),
    "whisper_base_en": Asset(
        purpose="hearing speech (extractors.whisper or whisper_base with model: base.en)",
        source="OpenAI, openai/whisper-base.en",
        licence="MIT",
        url="https://huggingface.co/openai/whisper-base.en/resolve/main/model.safetensors",
        files=(File("whisper-base.en.safetensors", None, None),),
    ),
    "whisper_small_en": Asset(
        purpose="hearing speech (extractors.whisper with model: small.en)",
        source="OpenAI, openai/whisper-small.en",
        licence="MIT",
        url="https://huggingface.co/openai/whisper-small.en/resolve/main/model.safetensors",
        files=(File("whisper-small.en.safetensors", None, None),),
    ),
    "whisper_tiny_en": Asset(
        purpose="hearing speech (extractors.whisper)",
        source="OpenAI, openai/whisper-tiny.en",
        licence="MIT",
        url="https://huggingface.co/openai/whisper-tiny.en/resolve/main/model.safetensors",
        files=(
            File(
                "whisper-tiny.en.safetensors",
                151_060_136,
                "db59695928ded6043adaef491a53ef4e12da9611184d77c53baa691a60b958ad",
            ),
            File(  # the encoder alone, float16
                "whisper-tiny.en-encoder.safetensors",
                16_424_192,
                "36c275b2550525b119f3a66ab02f2ecefd8add73a89bd996e1d81ce10e6dbde0",
            ),
        ),
    ),
    "yunet": Asset(
        purpose="face detection (faces.detector: yunet)",
        source="OpenCV Zoo, YuNet",
        licence="MIT",
        # in Git LFS: this address leads on to the content
        url="https://github.com/opencv/opencv_zoo/raw/26cc381e4d2594bb9f47a26eb8fd96c94a13660d/models/face_detection_yunet/face_detection_yunet_2026may.onnx",
        files=(
            File(
                "face_detection_yunet_2026may.onnx",
                229_738,
                "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
            ),
        ),
    ),
}


@dataclass(frozen=True)
class AssetStatus:
    """Whether an asset is on this machine.

    Args:
        name: a key of `ASSETS`
        size: bytes of the file on this machine, or else of the one at the origin, if known
        licence: of the asset
        purpose: of the asset
        location: `mirror`, `cache` or `absent`; `damaged` if the file has a wrong checksum
        path: the file on this machine
    """

    name: str
    size: int | None
    licence: str
    purpose: str
    location: Literal["mirror", "cache", "absent", "damaged"]
    path: Path | None


def find(name: str) -> Path | None:
    """Return the path of an asset that is on this machine already.

    Args:
        name: a key of `ASSETS`

    Returns:
        a file whose checksum is right, if one is known; None where there is none in the mirror or
        the cache

    Raises:
        AssetError: a file by that name has a wrong checksum, or the mirror is no folder
    """
    for _, file, path in _present(name):
        _check(path, file)
        return path
    return None


def get(name: str, *, quiet: bool = False) -> Path:
    """Return the path of an asset, fetched from its official origin where it is not here yet.

    Without a network, it fails within a few seconds.

    Args:
        name: a key of `ASSETS`
        quiet: no progress bar

    Returns:
        a file whose checksum is right, if one is known

    Raises:
        AssetError: the file cannot be fetched, or one here or fetched has a wrong checksum
    """
    if path := find(name):
        return path
    asset, cache = ASSETS[name], writable_cache_folder()
    file, url = asset.files[0], _url(asset)
    try:
        with atomic_write(cache / file.name) as temporary:
            if asset.archive is None:
                _fetch(url, file, temporary, quiet=quiet)
            else:
                archive = temporary.with_name(f"{temporary.name}.zip")
                try:
                    _fetch(url, asset.archive, archive, quiet=quiet)
                    _unpack(archive, file, temporary)
                finally:
                    archive.unlink(missing_ok=True)
    except (OSError, AssetError, DownloadError) as error:
        inside = f" ({file.name} is in it)" if asset.archive else ""
        raise AssetError(
            f"{file.name} is missing and could not be fetched: {error}. "
            f"It is for {asset.purpose}. Either set {MIRROR} to a folder that holds it; "
            f"or copy it into {cache}, under that name, from {asset.url}{inside}; "
            f"or run again where {url} can be reached"
        ) from None
    return cache / file.name


def list_assets() -> list[AssetStatus]:
    """Return every asset and where it is, in order of name, without fetching any."""
    rows = []
    for name, asset in sorted(ASSETS.items()):
        row = AssetStatus(name, asset.files[0].bytes, asset.licence, asset.purpose, "absent", None)
        for location, file, path in _present(name):
            intact = file.sha256 in (None, file_sha256(path))
            row = AssetStatus(
                name,
                path.stat().st_size,
                asset.licence,
                asset.purpose,
                location if intact else "damaged",
                path,
            )
            break
        rows.append(row)
    return rows


def verify() -> list[Path]:
    """Read and check every asset that is on this machine again.

    Returns:
        the files checked; not those whose checksum nobody publishes

    Raises:
        AssetError: one has a wrong checksum
    """
    _digest.cache_clear()
    known = {file.name for asset in ASSETS.values() for file in asset.files if file.sha256}
    paths = [path for name in sorted(ASSETS) if (path := find(name))]
    return [path for path in paths if path.name in known]


def _present(name: str) -> list[tuple[Literal["mirror", "cache"], File, Path]]:
    """Return the asset's files in the mirror and in the cache, unchecked."""
    caches = dict.fromkeys((cache_folder(), writable_cache_folder()))
    folders: list[tuple[Literal["mirror", "cache"], Path]] = [("cache", path) for path in caches]
    if named := os.environ.get(MIRROR):
        mirror = Path(named).expanduser().absolute()
        if not mirror.is_dir():
            raise AssetError(f"{MIRROR} names {mirror}, which is no folder: correct or unset it")
        folders.insert(0, ("mirror", mirror))
    return [
        (location, file, directory / file.name)
        for location, directory in folders
        for file in ASSETS[name].files
        if (directory / file.name).is_file()
    ]


def _check(path: Path, file: File) -> None:
    sha256 = file_sha256(path)
    if file.sha256 not in (None, sha256):
        size = path.stat().st_size
        raise AssetError(
            f"{path} is refused: got {size} bytes with sha256 {sha256}, expected {file}. "
            "Remove it, or put the right file in its place"
        )


def file_sha256(path: Path) -> str:
    """Return a file's checksum; one that has not changed is read once in a process."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache
def _digest(path: Path, size: int, changed_ns: int) -> str:
    """Return the file's sha256; compute it again only if size or time of change differ."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _url(asset: Asset) -> str:
    if origin := os.environ.get(ORIGIN):
        return f"{origin.rstrip('/')}/{asset.url.rpartition('/')[2]}"
    return asset.url


def _fetch(url: str, file: File, target: Path, *, quiet: bool) -> None:
    fetch_file(url, target, progress=not quiet, attempts=ATTEMPTS)
    sha256, size = file_sha256(target), target.stat().st_size
    if file.sha256 not in (None, sha256):
        raise AssetError(f"{url} gave {size} bytes with sha256 {sha256}, expected {file}")


def _unpack(archive: Path, file: File, target: Path) -> None:
    with zipfile.ZipFile(archive) as pack:
        members = [name for name in pack.namelist() if name.rpartition("/")[2] == file.name]
        if not members:
            raise AssetError(f"there is no {file.name} in it")
        target.write_bytes(pack.read(members[0]))
    _check(target, file)
