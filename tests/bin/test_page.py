"""The page of a run: it holds what the report says, escapes what comes from outside, and loads nothing."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import text

from bin.commands import report as command
from bin.page import page
from bin.page.marks import Bar, bars, columns
from bin.page.report import _round_top
from classify.store import engine, facts, runs, sources
from classify.store.picture import picture
from classify.store.runs import Run, Selection
from tests.bin.ledger import finish, indicators

HOSTILE = '<script>alert(1)</script> & "co"'


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def done(clean_tables: object) -> Run:
    sources.load(indicators(30, name=HOSTILE))
    run = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert run
    finish(run, failed=2)
    runs.close_finished_runs()
    return runs.find_run(run.run_id)


def html_of(run: Run) -> str:
    return page(facts.report(run), picture(run.run_id))


def test_the_page_is_whole_loads_nothing_and_escapes(done: Run) -> None:
    with engine().connect() as connection:
        connection.execute(
            text("""
                INSERT INTO review_items (indicator_id, stage, run_id, fingerprint, kind, answer, by_rules)
                VALUES ('I0', 'family', :run, 'x', 'disagreement', '{"family": "<b>x</b>"}', '{"family": "other"}'),
                       ('I1', 'type', :run, 'x', 'contradiction', '{"indicator_type": "gap"}', '{}')
            """),
            {"run": done.run_id},
        )
        connection.execute(
            text("""
                INSERT INTO llm_calls (run_id, indicator_id, stage, model, prompt_tokens, cached_tokens,
                    completion_tokens, cost_usd, latency_ms, outcome)
                VALUES (:run, 'I0', 'family', 'm', 100, 50, 10, 0.25, 800, 'ok'),
                       (:run, 'I0', 'type', 'm', 100, 50, 10, 0.5, 1600, 'bad-answer')
            """),
            {"run": done.run_id},
        )
    html = html_of(done)
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.links == []
    assert not tags.seen & {"script", "link", "img", "iframe"}
    assert not re.search(r"https?:|url\(|@import", html)
    assert "&lt;script&gt;alert(1)" in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "done, with failures" in html
    for words in ("28", "of 30 completed, 2 failed", "target 600", "BadAnswerError", "bad-answer", "$0.7500"):
        assert words in html
    for words in ("Another answer than the rules&#x27;", "Contradicts itself", 'data-head="The rules say"'):
        assert words in html
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


def test_a_run_without_anything_done_has_a_page_too(clean_tables: object) -> None:
    sources.load(indicators(3))
    run = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert run
    html = html_of(run)
    assert "Nothing is completed yet." in html
    assert "<h2>Money</h2>" in html
    assert not re.search("<h2>(Workers|Orientation|Confidence)</h2>", html)


def test_workers_stand_in_the_order_of_their_numbers(done: Run) -> None:
    report = facts.report(done)
    names = [f"worker{number}@test" for number in range(1, 13)]
    report["workers"] = dict.fromkeys(sorted(names), 1)
    for told in (page(report, picture(done.run_id)), command.text(report)):
        assert re.findall(r"worker\d+@test(?=<|:)", told) == names


def test_a_failure_is_not_counted_as_completed(clean_tables: object) -> None:
    sources.load(indicators(40))
    run = runs.open_run(Selection(), target_ipm=600, provider="rules", model="rules")
    assert run
    finish(run, failed=38)
    with engine().connect() as connection:
        connection.execute(text("UPDATE run_indicators SET finished_at = now() WHERE status = 'failed'"))
        connection.execute(
            text("""
                UPDATE run_indicators SET finished_at = now() - interval '30 s' * (indicator_id = 'I0')::int
                WHERE status = 'done'
            """)
        )
    assert facts.report(run)["completed_ipm"] == 2.0


def test_the_command_writes_it_and_names_a_file_that_it_cannot_write(
    done: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.html"
    assert command.main([done.run_id, "--html", str(target)]) == 1  # two have failed
    assert target.read_text().startswith("<!doctype html>")
    assert "28 of 30 completed" in capsys.readouterr().out
    with pytest.raises(command.UserError, match="No such file"):
        command.main(["--html", str(tmp_path / "nowhere" / "x.html")])


def test_the_course_counts_every_indicator_once(done: Run) -> None:
    drawn = picture(done.run_id)
    assert sum(drawn.course.counts) == 28
    assert drawn.rows == 28
    assert all(sum(counts) == 28 for counts in drawn.confidence.values())


def test_marks_escape_and_keep_proportion() -> None:
    drawn = bars([Bar("<a>", 10, "ten"), Bar("b", 5, "five")])
    assert "&lt;a&gt;" in drawn
    assert "width:100.00%" in drawn
    assert "width:50.00%" in drawn
    assert columns([1], ['"'], top=2).count("<rect") == 1
    assert [_round_top(v) for v in (3, 5, 900, 1008, 8100)] == [4, 6, 1000, 1200, 10000]
