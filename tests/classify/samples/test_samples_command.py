"""`bin/sample` writes what it was asked for, the same bytes each time, and says in one line what it cannot."""

import gzip
import json
from pathlib import Path

import pytest

from bin.commands.sample import main
from classify.errors import UserError
from classify.samples import generate, labelled
from classify.samples.catalogue import catalogue


def test_without_options_the_catalogue_goes_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out, err = capfd.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == list(generate())
    assert len(out.splitlines()) == len(catalogue())
    assert err == ""


def test_count_seed_and_labels(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "few.jsonl"
    assert main(["--count", "700", "--seed", "3", "--labelled", "--output", str(file)]) == 0
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == list(labelled(700, seed=3))
    assert capfd.readouterr().err == f"700 indicators written to {file}\n"


def test_gz_is_compressed_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl.gz", tmp_path / "two.jsonl.gz"
    for file in (one, two):
        assert main(["--count", "50", "--output", str(file)]) == 0
    assert one.read_bytes() == two.read_bytes()
    with gzip.open(one, "rt", encoding="utf-8") as lines:
        assert [json.loads(line) for line in lines] == list(generate(50))


@pytest.mark.parametrize("output", ["missing/folder/file.jsonl", ".", "missing/file.jsonl.gz"])
def test_an_output_that_cannot_be_written_is_the_users_mistake(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="cannot write"):
        main(["--output", output])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_in_one_line() -> None:
    with pytest.raises(UserError, match="cannot write /dev/full: No space left"):
        main(["--output", "/dev/full"])


@pytest.mark.parametrize("argv", [["--count", "0"], ["--count", "many"], ["--seed", "x"], ["surplus"]])
def test_a_mistake_on_the_command_line_is_status_2(argv: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    assert len(capfd.readouterr().err.splitlines()) == 1
