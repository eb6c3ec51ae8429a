"""The voices of the synthetic corpus: eSpeak NG, spoken or sung, coloured by emotion.

The wheel of `espeakng-loader` carries the synthesiser; nothing on the system is used.
"""

import _ctypes
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from fractions import Fraction

import espeakng_loader
import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample_poly

from ..corpus.adapters.ravdess import STATEMENTS

__all__ = ["SAMPLE_RATE", "mouth_opening", "sing", "speak"]

#: of every sound in this module, in hertz
SAMPLE_RATE = 48000

Sound = NDArray[np.float64]

# speak_lib.h of eSpeak NG 1.5x
_SYNCHRONOUS_RETRIEVAL = 2
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


@dataclass(frozen=True)
class Delivery:
    """How a voice departs from the actor's own neutral way of speaking; all 0 is neutral."""

    pitch: float = 0.0  # semitones up
    melody: float = 0.0  # doublings of the pitch's range
    tempo: float = 0.0  # doublings of the speed
    loudness: float = 0.0  # decibels
    brightness: float = 0.0  # 1 is tense and pressed, -1 is dull
    tremor: float = 0.0  # 1 shakes by half the loudness
    gap: float = 0.0  # tenths of a second between words


#: in the order of `avemo.corpus.adapters.ravdess.EMOTIONS`
DELIVERIES = (
    #        pitch melody tempo  loud  bright tremor gap
    Delivery(+0.0, +0.00, +0.00, +0.0, +0.00, 0.00, 0.0),
    Delivery(-1.0, -0.30, -0.20, -3.0, -0.25, 0.00, 0.1),
    Delivery(+4.0, +0.70, +0.12, +4.0, +0.25, 0.00, 0.0),
    Delivery(-1.0, -0.70, -0.30, -7.0, -0.45, 0.20, 0.4),
    Delivery(+3.0, +0.40, +0.10, +9.0, +0.75, 0.00, 0.0),
    Delivery(+5.0, -0.50, +0.28, +2.0, +0.10, 0.70, 0.0),
    Delivery(-2.0, +0.20, -0.28, +1.0, +0.40, 0.00, 0.6),
    Delivery(+6.0, +1.00, +0.05, +3.0, +0.00, 0.00, 0.1),
)

#: spread of an actor's own manner, and of each take about it, field by field
_MANNER = np.array((0.0, 0.15, 0.08, 1.5, 0.15, 0.05, 0.1))
_JITTER = np.array((1.0, 0.20, 0.08, 1.6, 0.15, 0.08, 0.10))

#: eSpeak's variants that sound least alike
_MALE = ("m1", "m2", "m3", "m4", "m7", "m8")
_FEMALE = ("f1", "f2", "f3", "f4", "f5")

#: semitones above the keynote, one note a syllable
_TUNES = {
    "major": (0, 4, 7, 7, 4, 2, 0),
    "minor": (0, 3, 7, 8, 7, 3, 0),
}
_SYLLABLES = {
    1: ("kids", "are", "talk", "king", "by", "the", "door"),
    2: ("dogs", "are", "sit", "ting", "by", "the", "door"),
}


@dataclass(frozen=True)
class Speaker:
    """What an actor sounds like."""

    variant: str
    pitch: float  # eSpeak's scale, 0 to 99
    keynote: float  # hertz, to sing from
    tempo: float  # words a minute
    tract: float  # length of the vocal tract, against the variant's own
    expressivity: float  # how much of a delivery is heard
    manner: NDArray[np.float64]  # this actor's neutral against the common one

    @classmethod
    def of(cls, actor: int, seed: int) -> "Speaker":
        """Return the actor's voice, the same in every take."""
        rng = np.random.default_rng([seed, actor, 11])
        female = actor % 2 == 0
        variants = _FEMALE if female else _MALE
        return cls(
            variant=variants[(actor - 1) // 2 % len(variants)],
            pitch=rng.uniform(42, 58),
            keynote=rng.uniform(190, 240) if female else rng.uniform(100, 130),
            tempo=rng.uniform(155, 180),
            tract=rng.uniform(0.95, 1.05),
            expressivity=rng.uniform(0.7, 1.2),
            manner=rng.normal(0, _MANNER),
        )

    def deliver(self, emotion: int, strength: float, rng: np.random.Generator) -> Delivery:
        """Return how the actor delivers a take."""
        acted = np.array(astuple(DELIVERIES[emotion])) * strength * self.expressivity
        return Delivery(*(acted + self.manner + rng.normal(0, _JITTER)).tolist())


class Synthesiser:
    """The library, freshly loaded, for a single take; see `_synthesiser`."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._chunks: list[bytes] = []

        def collect(samples: object, count: int, _events: object) -> int:
            if samples and count:
                self._chunks.append(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
            return 0

        self._callback = _CALLBACK(collect)  # the library keeps no reference of its own
        data = espeakng_loader.get_data_path().encode()
        self._rate = library.espeak_Initialize(_SYNCHRONOUS_RETRIEVAL, 0, data, _DO_NOT_EXIT)
        if self._rate <= 0:
            raise RuntimeError(f"eSpeak NG does not start with its data in {data.decode()}")
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breath; by default, the time of day
        library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, speaker: Speaker, *, hertz: float = 0, **parameters: float) -> Sound:
        """Speak a text.

        Args:
            text: English
            speaker: whose voice
            hertz: one pitch, held throughout; 0 leaves the pitch to eSpeak
            **parameters: `rate` (words a minute), `pitch` and `melody` (both 0 to 99, 50 is usual),
                `gap` (between words, in hundredths of a second)

        Returns:
            the sound at `SAMPLE_RATE` [shape=(n,)]
        """
        library = self._library
        voice = f"en-us+{speaker.variant}"
        if library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"eSpeak NG has no voice {voice}")
        codes = {"rate": _RATE, "pitch": _PITCH, "melody": _RANGE, "gap": _WORD_GAP}
        for name, value in parameters.items():
            library.espeak_SetParameter(codes[name], round(value), 0)
        library.espeak_SetParameter(_VOLUME, 100, 0)
        library.espeak_ng_SetConstF0(round(hertz * speaker.tract))
        self._chunks.clear()
        data = text.encode() + b"\0"
        library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        sound = np.frombuffer(b"".join(self._chunks), np.int16) / 32768
        # a longer tract lowers the formants: play slower. Ratios of small numbers resample fast
        ratio = Fraction(SAMPLE_RATE * speaker.tract / self._rate).limit_denominator(100)
        played: Sound = resample_poly(_trim(sound), ratio.numerator, ratio.denominator)
        return played


@contextmanager
def _synthesiser() -> Iterator[Synthesiser]:
    # The library keeps its state (filters, phases, flutter) from one text to the next and offers no
    # reset. A take must not depend on which takes the same process spoke before it, so each gets
    # the library from disk again, which takes ten milliseconds.
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        yield Synthesiser(library)
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


def speak(actor: int, emotion: int, strength: float, statement: int, seed: int, take: int) -> Sound:
    """Speak a statement.

    Args:
        actor: 1 and up; odd is male
        emotion: place in `avemo.corpus.adapters.ravdess.EMOTIONS`
        strength: how strongly it is acted; 1 is in full
        statement: key of `avemo.corpus.adapters.ravdess.STATEMENTS`
        seed: of the corpus
        take: tells an actor's takes apart, each has its own jitter

    Returns:
        the sound at `SAMPLE_RATE`, silence at both ends [shape=(n,)]
    """
    speaker = Speaker.of(actor, seed)
    rng = np.random.default_rng([seed, actor, 12, take])
    delivery = speaker.deliver(emotion, strength, rng)
    with _synthesiser() as synthesiser:
        sound = synthesiser.say(
            STATEMENTS[statement],
            speaker,
            rate=np.clip(speaker.tempo * 2**delivery.tempo, 90, 260),
            pitch=np.clip(speaker.pitch + 5 * delivery.pitch, 0, 99),
            melody=np.clip(45 * 2**delivery.melody, 0, 99),
            gap=max(0.0, 10 * delivery.gap),
        )
    return _record(sound, delivery, rng)


def sing(actor: int, emotion: int, strength: float, statement: int, seed: int, take: int) -> Sound:
    """Sing a statement, one held note a syllable.

    Emotion shows in the mode, the key, the notes' length and the voice's colour. Arguments and
    result are those of `speak`.
    """
    speaker = Speaker.of(actor, seed)
    rng = np.random.default_rng([seed, actor, 13, take])
    delivery = speaker.deliver(emotion, strength, rng)
    tune = _TUNES["minor" if delivery.brightness < 0 or delivery.tremor > 0.3 else "major"]
    keynote = speaker.keynote * 2 ** (delivery.pitch / 24)
    beat = 0.24 * 2**-delivery.tempo
    notes = []
    with _synthesiser() as synthesiser:
        for place, (syllable, degree) in enumerate(zip(_SYLLABLES[statement], tune, strict=True)):
            hertz = keynote * 2 ** (degree / 12)
            sound = synthesiser.say(syllable, speaker, hertz=hertz, rate=140)
            length = beat * (2 if place == len(tune) - 1 else 1)
            notes.append(_hold(sound, length))
    return _record(np.concatenate(notes), delivery, rng)


def mouth_opening(sound: Sound, times: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how far the mouth opens at certain times, 0 to 1, as it follows the loudness.

    Args:
        sound: at `SAMPLE_RATE` [shape=(n,)]
        times: seconds [shape=(m,)]

    Returns:
        [shape=(m,)]
    """
    window = SAMPLE_RATE // 20
    power = np.cumsum(np.r_[np.zeros(window), sound**2])
    root = np.sqrt((power[window:] - power[:-window]).clip(0) / window)
    middle = np.round(times * SAMPLE_RATE + window / 2).astype(int).clip(0, len(sound) - 1)
    loudest = max(float(np.percentile(root, 97)), 1e-6)
    opening: NDArray[np.float64] = (root[middle] / loudest).clip(0, 1) ** 0.8
    return opening


def _hold(sound: Sound, seconds: float) -> Sound:
    """Lengthen a syllable: loop the periods of its loudest part, with short cross-fades."""
    length = round(seconds * SAMPLE_RATE)
    fade = SAMPLE_RATE // 50
    if len(sound) >= length:
        return _fade_ends(sound[:length], fade // 2)
    grain = 4 * fade
    loud = np.convolve(sound**2, np.ones(grain), "valid")
    start = int(loud.argmax())
    piece = sound[start : start + grain]
    ramp = np.linspace(0, 1, fade)
    longer = sound[: start + grain]
    while len(longer) + len(sound) - start - grain < length:
        # where the piece fits best on the tail, so that the note does not buzz
        tail = longer[-fade:]
        fit = int(np.correlate(piece[: 2 * fade], tail, "valid").argmax())
        crossed = tail * (1 - ramp) + piece[fit : fit + fade] * ramp
        longer = np.r_[longer[:-fade], crossed, piece[fit + fade :]]
    return _fade_ends(np.r_[longer, sound[start + grain :]], fade // 2)


def _record(sound: Sound, delivery: Delivery, rng: np.random.Generator) -> Sound:
    """Add colour, tremor and loudness; then silence at both ends and the noise of a room."""
    # a first-order tilt of the spectrum, up or down
    tilt = float(np.clip(delivery.brightness, -0.9, 0.9))
    sound = (
        lfilter((1, -0.9 * tilt), 1, sound) if tilt > 0 else lfilter((1,), (1, 0.9 * tilt), sound)
    )
    time = np.arange(len(sound)) / SAMPLE_RATE
    depth = float(np.clip(delivery.tremor, 0, 1)) * 0.5
    sound = sound * (1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(5, 8) * time)))
    level = 10 ** ((-27 + delivery.loudness) / 20)
    sound = sound * (level / max(float(np.sqrt(np.mean(sound**2))), 1e-6))
    before, after = (rng.uniform(0.12, 0.25, 2) * SAMPLE_RATE).astype(int)
    take = np.r_[np.zeros(before), sound, np.zeros(after)]
    take += rng.normal(0, 10 ** (-66 / 20), len(take))
    # loud takes bend before they clip
    bent: Sound = np.tanh(take)
    return bent


def _trim(sound: Sound) -> Sound:
    """Cut the silence off both ends."""
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound


def _fade_ends(sound: Sound, samples: int) -> Sound:
    ramp = np.linspace(0, 1, samples)
    sound = sound.copy()
    sound[:samples] *= ramp
    sound[-samples:] *= ramp[::-1]
    return sound
