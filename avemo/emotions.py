"""The emotions that models answer with."""

__all__ = ["EMOTIONS"]

#: in the order of RAVDESS's codes 01 to 08; every array of probabilities has this order
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
