"""How often media files are opened, and how much of their sound is decoded."""

from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avemo.media import container
from avemo.media.decoder import AudioDecoder


class OpenCounter:
    """Counts how often files are opened, and the samples that are decoded of their sound."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[object] = []
        self.readers = 0
        self.samples = 0
        open_file, open_container, decode = container._open, av.open, AudioDecoder.decode

        def counted_file(source: Path | bytes) -> BinaryIO:
            self.files.append(source)
            return open_file(source)

        def counted_container(*arguments: Any, **options: Any) -> Any:
            self.readers += 1
            return open_container(*arguments, **options)

        def counted_decode(decoder: AudioDecoder, packet: Any) -> list[NDArray[np.float32]]:
            blocks = decode(decoder, packet)
            self.samples += sum(map(len, blocks))
            return blocks

        monkeypatch.setattr(container, "_open", counted_file)
        monkeypatch.setattr(av, "open", counted_container)
        monkeypatch.setattr(AudioDecoder, "decode", counted_decode)
