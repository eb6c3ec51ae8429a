"""What a decoding process may do: compute, within limits, and nothing else.

Linux forbids system calls by a filter (seccomp), without privileges. Elsewhere the limits on
memory, processor time and files hold alone.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
import struct
import sys
from dataclasses import dataclass

__all__ = ["Limits", "forbid_system_calls", "limit_resources"]


@dataclass(frozen=True)
class Limits:
    """The limits of a decoding process.

    Args:
        memory_mb: of its address space
        processor_s: of its processor time, over all that it decodes
        open_files: at a time
        max_clip_s: a longer clip is refused where it would be held in memory as a whole
    """

    memory_mb: int = 2048
    processor_s: int = 3600
    open_files: int = 32
    max_clip_s: float = 180.0


def limit_resources(limits: Limits) -> None:
    """Limit this process for the rest of its life; it can write no file."""
    memory = limits.memory_mb * 2**20
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, limits.processor_s),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (allowed, allowed))


#: numbers of the system calls that are refused, by architecture
_REFUSED = {
    "x86_64": {
        "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "socketpair": 53,
        "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "ptrace": 101, "accept4": 288,
        "open": 2, "creat": 85, "openat": 257, "openat2": 437, "execveat": 322, "unlink": 87,
        "unlinkat": 263, "rename": 82, "renameat": 264, "renameat2": 316, "mkdir": 83,
        "mkdirat": 258, "link": 86, "linkat": 265, "symlink": 88, "symlinkat": 266,
        "process_vm_readv": 310, "process_vm_writev": 311, "io_uring_setup": 425, "bpf": 321,
        "mount": 165, "unshare": 272, "setns": 308, "tgkill": 234, "tkill": 200,
        "pidfd_open": 434, "pidfd_getfd": 438, "userfaultfd": 323, "memfd_create": 319,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201,
        "socketpair": 199, "execve": 221, "kill": 129, "ptrace": 117, "accept4": 242,
        "openat": 56, "openat2": 437, "execveat": 281, "unlinkat": 35, "renameat": 38,
        "renameat2": 276, "mkdirat": 34, "linkat": 37, "symlinkat": 36, "process_vm_readv": 270,
        "process_vm_writev": 271, "io_uring_setup": 425, "bpf": 280, "mount": 40, "unshare": 97,
        "setns": 268, "tgkill": 131, "tkill": 130, "pidfd_open": 434,
        "pidfd_getfd": 438, "userfaultfd": 282, "memfd_create": 279,
    },
}  # fmt: skip
#: what the kernel calls these architectures
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
#: starts a thread or a process; which of them, its first argument says, or memory that a filter
#: cannot read
_CLONE, _CLONE3 = {"x86_64": 56, "aarch64": 220}, 435
_CLONE_THREAD = 0x00010000

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _SECCOMP_MODE_FILTER = 22, 38, 2
# operations of the packet filter
_LOAD, _EQUAL, _AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# where it finds the architecture, the number of the call and its first argument
_ARCHITECTURE, _NUMBER, _ARGUMENT = 4, 0, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def forbid_system_calls() -> bool:
    """Refuse this process the network, files and other processes for the rest of its life.

    What is open stays open. A refused call fails as for lack of permission.

    Returns:
        whether this platform can
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _REFUSED:
        return False
    program = _filter(machine)
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, described, 0, 0)


def _filter(machine: str) -> bytes:
    """Return the filter as a program for the kernel's packet filter."""
    refused = sorted(set(_REFUSED[machine].values()))
    no_permission = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_BIT),
        no_permission,
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),  # the C library takes `clone` instead
        (_EQUAL, 0, 4, _CLONE[machine]),
        (_LOAD, 0, 0, _ARGUMENT),
        (_HAS_BIT, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        no_permission,
    ]
    for position, number in enumerate(refused):
        instructions.append((_EQUAL, len(refused) - position, 0, number))
    instructions += [(_RETURN, 0, 0, _ALLOW), no_permission]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
