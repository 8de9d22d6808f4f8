"""The reject file: there only when needed, complete, and on stderr when the disk does not take it."""

import json
from pathlib import Path

import pytest

from classify.intake import Reject, RejectFile, default_reject_path

REJECT = Reject(7, "a", "no name", '{"id": "a"}')
ENTRY = {"file": "data/x.csv", "line": 7, "id": "a", "reason": "no name", "excerpt": '{"id": "a"}'}


def test_default_path_is_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_reject_path("/data/x.jsonl.gz") == tmp_path / "x.jsonl.gz.rejects.jsonl"


def test_no_reject_no_file(tmp_path: Path) -> None:
    with RejectFile(tmp_path / "r.jsonl") as rejects:
        pass
    assert rejects.count == 0
    assert list(tmp_path.iterdir()) == []


def test_every_reject_is_a_line_at_once_and_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("old\n")
    with RejectFile(path) as rejects:
        rejects.write("data/x.csv", REJECT)
        rejects.write("data/x.csv", Reject(8, None, "Grüße \ud800", "\x00\n"))
        first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first == ENTRY
    assert second == {"file": "data/x.csv", "line": 8, "id": None, "reason": "Grüße \ud800", "excerpt": "\x00\n"}
    assert (rejects.count, rejects.on_stderr) == (2, 0)


@pytest.mark.parametrize("where", ["/dev/full", "missing/r.jsonl"])
def test_rejects_go_to_stderr_when_the_file_cannot_be_written(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with RejectFile(Path(where)) as rejects:
        rejects.write("data/x.csv", REJECT)
        rejects.write("data/x.csv", REJECT)
    said, *entries = capfd.readouterr().err.splitlines()
    assert said.startswith(f"{where}: cannot be written (No ")
    assert said.endswith("); rejects follow here")
    assert [json.loads(entry) for entry in entries] == [ENTRY, ENTRY]
    assert (rejects.count, rejects.on_stderr) == (2, 2)


def test_half_a_line_is_taken_back_when_the_disk_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import os

    path = tmp_path / "r.jsonl"
    real = os.write
    left = 150

    def write(descriptor: int, content: bytes) -> int:
        nonlocal left
        if left == 0:
            raise OSError(28, "No space left on device")
        taken = real(descriptor, content[:left])
        left -= taken
        return taken

    with RejectFile(path) as rejects:
        monkeypatch.setattr(os, "write", write)
        rejects.write("data/x.csv", REJECT)
        rejects.write("data/x.csv", REJECT)
        monkeypatch.undo()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [ENTRY]
    assert json.loads(capfd.readouterr().err.splitlines()[-1]) == ENTRY
    assert (rejects.count, rejects.on_stderr) == (2, 1)
