"""How the C library keeps memory that was freed."""

import ctypes
import platform

__all__ = ["keep_freed_memory"]

#: of malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
#: the largest that glibc takes
_MAX_MMAP_THRESHOLD = 1 << 25
_KEPT_BYTES = 1 << 28


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, as long as it lives.

    By default glibc returns each large array's memory to the system and fetches it anew, page by
    page: half of the time of a convolutional network's fit. Does nothing with another C library.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_ARENA_MAX, 1)  # those of the threads keep too little
    mallopt(_MMAP_THRESHOLD, _MAX_MMAP_THRESHOLD)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    mallopt(_TOP_PAD, _KEPT_BYTES)
