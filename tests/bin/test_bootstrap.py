"""bin/python on a fresh machine: copies of it with requirements that name nothing, so that no package is fetched."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.settings import ROOT

MAKING = "bin/python: making .venv from requirements.txt, about a minute\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "Prüf stand"
    (root / "bin").mkdir(parents=True)
    for name in ("python", "bootstrap.py"):
        shutil.copy2(ROOT / "bin" / name, root / "bin" / name)
    (root / "requirements.txt").write_text("# nothing\n")
    return root


def call(root: Path, *words: str, path: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    environment = environment_of(path) | more
    return subprocess.run(
        [root / "bin" / "python", *words], env=environment, cwd=root.parent, capture_output=True, text=True, timeout=120
    )


def environment_of(path: str | None = None) -> dict[str, str]:
    mine: Mapping[str, str] = {"PIP_NO_INDEX": "1", "PIP_EXTRA_INDEX_URL": "", "PYTHONPATH": "/nowhere"}
    return {**os.environ, **mine, "PATH": path or os.environ["PATH"]}


def fake_path(folder: Path, **scripts: str) -> str:
    """A PATH with the tools that bin/python needs, and these scripts."""
    folder.mkdir()
    for tool in ("readlink", "cmp", "cat"):
        found = shutil.which(tool)
        if found:
            (folder / tool).symlink_to(found)
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_makes_venv_once_and_again_when_requirements_change(checkout: Path) -> None:
    (checkout.parent / "python").symlink_to(checkout / "bin" / "python")
    (checkout.parent / "config.py").write_text("raise SystemExit('a module of the current folder')")
    (checkout / "config.py").write_text("where = 'the checkout'")
    link = subprocess.run(
        [checkout.parent / "python", "-c", "import sys, config; print(sys.prefix, config.where)"],
        env=environment_of(),
        cwd=checkout.parent,
        capture_output=True,
        text=True,
    )
    assert (link.returncode, link.stderr) == (0, MAKING)
    assert link.stdout == f"{checkout / '.venv'} the checkout\n"

    before = sorted(path.stat().st_mtime_ns for path in [checkout, checkout / ".venv"])
    again = call(checkout, "-c", "import sys; print(*sys.argv[1:], sep='|'); sys.exit(7)", "a b", "*", "")
    assert (again.returncode, again.stdout, again.stderr) == (7, "a b|*|\n", "")
    assert before == sorted(path.stat().st_mtime_ns for path in [checkout, checkout / ".venv"]), "it wrote something"

    (checkout / "requirements.txt").write_text("# still nothing\n")
    kept = checkout / ".venv" / "kept"
    kept.touch()
    assert call(checkout, "-c", "").stderr == MAKING
    assert kept.exists()

    (checkout / "requirements-dev.txt").write_text("# nothing either\n")
    assert call(checkout, "-c", "").stderr == ""
    dev = call(checkout, "--with-dev", "-c", "print(1)")
    assert (dev.stdout, dev.stderr) == ("1\n", MAKING.replace("requirements.txt", "requirements-dev.txt"))
    assert call(checkout, "--with-dev", "-c", "").stderr == ""

    (checkout / "requirements.txt").write_text("no-such-package==1\n")
    failed = call(checkout, "-c", "print(1)")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert kept.exists(), "an environment that worked was thrown away"


def test_failed_pip_leaves_nothing_and_a_later_try_works(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("no-such-package==1\n")
    failed = call(checkout, "-c", "")
    assert failed.returncode == 1
    assert "pip install failed:\n" in failed.stderr
    assert "No matching distribution found for no-such-package==1" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (checkout / ".venv").exists()


def test_two_at_once_and_one_killed_in_the_middle(checkout: Path) -> None:
    words = [checkout / "bin" / "python", "-c", "print('ran')"]
    killed = subprocess.Popen(words, env=environment_of(), stderr=subprocess.DEVNULL, start_new_session=True)
    while not (checkout / ".venv" / "bin").exists():
        time.sleep(0.005)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert (checkout / ".venv" / "unfinished").exists()

    both = [
        subprocess.Popen(words, env=environment_of(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [stdout for stdout, _ in answers] == ["ran\n", "ran\n"]
    assert sorted(stderr for _, stderr in answers) == sorted(
        [MAKING, "bin/python: another command is making .venv, waiting for it\n"]
    )
    assert not (checkout / ".venv" / "unfinished").exists()


def test_no_python(checkout: Path, tmp_path: Path) -> None:
    none = call(checkout, "-c", "", path=fake_path(tmp_path / "tools"))
    assert (none.returncode, none.stderr) == (1, "bin/python: no Python 3.10 or newer on the PATH\n")


def test_python_too_old(checkout: Path, tmp_path: Path) -> None:
    old = call(checkout, "-c", "", path=fake_path(tmp_path / "tools", python3="exit 1"))
    assert (old.returncode, old.stderr) == (1, "bin/python: no Python 3.10 or newer on the PATH\n")


def test_python_without_venv(checkout: Path, tmp_path: Path) -> None:
    script = "case $2 in *ensurepip*) exit 1 ;; esac"
    bare = call(checkout, "-c", "", path=fake_path(tmp_path / "tools", **{"python3.11": script}))
    assert bare.returncode == 1
    assert bare.stderr == "bin/python: python3.11 has no venv module (Debian, Ubuntu: apt install python3-venv)\n"
