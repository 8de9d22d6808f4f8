"""A small launcher for root: runs a command as another user that can still reach files below root's own folders.

PostgreSQL refuses to run as root, yet the checkout may lie below a folder that only root may enter, such as /root.
Instead of opening that folder to everybody, the command keeps one capability (CAP_DAC_OVERRIDE, "ambient", so that
it survives the exec): it may look up files anywhere, and nothing else that root may. Run as a script, without
anything but the standard library: `python -I -S unprivileged.py UID GID COMMAND...`.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

_PR_SET_SECUREBITS = 28
_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_IS_SET = 1
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAP_SETPCAP = 8
_CAPABILITY_VERSION_3 = 0x20080522


def other_user() -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as when this process is root: the one user every machine has and nobody logs in as."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def can_keep_access() -> bool:
    """Whether the system lets a process keep that capability."""
    if sys.platform != "linux":
        return False
    if ctypes.CDLL(None).prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_IS_SET, _CAP_DAC_OVERRIDE, 0, 0) < 0:
        return False
    status = Path("/proc/self/status").read_text(errors="replace")
    effective = int(next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0"), 16)
    return all(effective >> capability & 1 for capability in (_CAP_DAC_OVERRIDE, _CAP_SETPCAP))


def become(uid: int, gid: int) -> None:
    """Give up being root for good, keeping access to files where the system lets a process."""
    keep = can_keep_access()
    libc = ctypes.CDLL(None)
    if keep:
        # Changing the user then leaves capabilities alone, and access(2), which initdb asks, respects them.
        libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if keep:
        mask = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable
        if libc.capset(header, sets) < 0 or libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0):
            sys.exit("the system does not let a process keep its access to files")


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]))
    try:
        os.execv(sys.argv[3], sys.argv[3:])
    except OSError as error:
        sys.exit(f"{sys.argv[3]}: {error.strerror} for the user that it has to run as instead of root")
