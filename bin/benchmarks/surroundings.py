"""What a measurement stands in: its stores, what it tells on the way, and what else the machine did meanwhile."""

import os
import platform
import sys
from dataclasses import dataclass
from typing import Any

import psutil

from config.settings import Settings


def say(progress: str) -> None:
    """Tell on stderr what is going on."""
    print(progress, file=sys.stderr, flush=True)


def stores_of(settings: Settings) -> dict[str, str]:
    """The environment in which a process uses these stores and no others."""
    return {
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url,
        "DATABASE_URL": settings.database_url,
    }


def machine() -> dict[str, Any]:
    """What was measured on."""
    return {
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class Ticks:
    """The machine's processor time up to a moment, in core-seconds."""

    total: float
    idle: float
    stolen: float

    @classmethod
    def now(cls) -> "Ticks":
        times = psutil.cpu_times()
        own = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
        idle = times.idle + getattr(times, "iowait", 0.0)
        stolen = getattr(times, "steal", 0.0)
        return cls(own + idle + stolen, idle, stolen)


@dataclass(frozen=True)
class Quiet:
    """How quiet the machine was during a measurement: shares of its processor time, which add up to 1.

    Parameters
    ----------
    measured
        What the processes under measurement used, and the benchmark itself.
    others
        What everything else on the machine used.
    stolen
        What the hypervisor gave to other machines though this one wanted it.
    """

    measured: float
    others: float
    idle: float
    stolen: float

    @classmethod
    def between(cls, before: Ticks, after: Ticks, measured_s: float) -> "Quiet":
        """Of the time between two moments, in which the processes under measurement used so many core-seconds."""
        total = max(after.total - before.total, 1e-9)
        idle, stolen = (after.idle - before.idle) / total, (after.stolen - before.stolen) / total
        measured = min(measured_s / total, 1 - idle - stolen)
        shares = measured, 1 - measured - idle - stolen, idle, stolen
        return cls(*(round(max(share, 0.0), 3) for share in shares))

    def __str__(self) -> str:
        return f"measured {self.measured:.0%}, others {self.others:.0%}, idle {self.idle:.0%}, stolen {self.stolen:.0%}"
