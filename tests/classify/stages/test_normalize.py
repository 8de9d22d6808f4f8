"""What the units say: kind, scale and currency of the many ways in which sources write units."""

import json
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import pytest

from classify.indicator import Indicator
from classify.rules.currencies import CODES, currency_in
from classify.stages.base import Findings
from classify.stages.normalize import Normalization, is_currency_denominated, normalize

LABELLED = Path(__file__).resolve().parents[4] / "shared" / "data"


def normalized(units: str | None, name: str = "Thing", **columns: Any) -> Normalization:
    return normalize(Indicator(id="x", name=name, units=units, **columns), Findings())


@pytest.mark.parametrize(
    ("units", "currency", "scale", "word"),
    [
        ("USD billions", "USD", "billions", "billions"),
        ("USD bn", "USD", "billions", "bn"),
        ("USDbn", "USD", "billions", "bn"),
        ("mn EUR", "EUR", "millions", "mn"),
        ("Mio. EUR", "EUR", "millions", "Mio"),
        ("EURm", "EUR", "millions", "m"),
        ("£m", "GBP", "millions", "m"),
        ("MM USD", "USD", "millions", "MM"),
        ("US$ '000", "USD", "thousands", "'000"),
        ("THO EUR", "EUR", "thousands", "THO"),
        ("KRW trn", "KRW", "trillions", "trn"),
        ("Millions of dollars", "USD", "millions", "Millions"),
        ("Billions of Chained 2012 Dollars, SAAR", "USD", "billions", "Billions"),
        ("Hong Kong dollars", "HKD", "raw-units", None),
        ("Current Turkish Lira", "TRY", "raw-units", None),
        ("Danish kroner", "DKK", "raw-units", None),
        ("Pounds sterling", "GBP", "raw-units", None),
        ("NGN billion", "NGN", "billions", "billion"),
        ("Naira", "NGN", "raw-units", None),
        ("Kshs. millions", "KES", "millions", "millions"),
        ("Rs. crore", "LCU", "raw-units", "crore"),
        ("RMB bn", "CNY", "billions", "bn"),
        ("ALL Million", "ALL", "millions", "Million"),
        ("million ALL", "ALL", "millions", "million"),
        ("SDR millions", "XDR", "millions", "millions"),
        ("current US$", "USD", "raw-units", None),
        ("DOD, current US$", "USD", "raw-units", None),
        ("constant 2015 US$", "USD", "raw-units", None),
        ("includes gold, current US$", "USD", "raw-units", None),
        ("current LCU", "LCU", "raw-units", None),
        ("National currency", "LCU", "raw-units", None),
        ("PPP dollars", "USD", "raw-units", None),
        ("current international $", "USD", "raw-units", None),
        ("constant 2011 PPP $", "USD", "raw-units", None),
        ("USD per barrel", "USD", "raw-units", None),
        ("USD cents per pound", "USD", "raw-units", None),
        ("EUR/MWh", "EUR", "raw-units", None),
        ("constant 2010 US$ GDP per cubic meter of total freshwater withdrawal", "USD", "raw-units", None),
    ],
)
def test_money(units: str, currency: str, scale: str, word: str | None) -> None:
    result = normalized(units)
    assert is_currency_denominated(result)
    assert (result.parsed_currency, result.normalized_scale, result.parsed_scale) == (currency, scale, word)
    assert result.original_units == units
    assert result.parsing_confidence >= 0.9


@pytest.mark.parametrize(
    ("units", "kind", "scale"),
    [
        *((u, "percentage", "percent") for u in ("%", "Percent", "% of GDP", "percent of GDP", "% p.a.", "per cent")),
        *((u, "percentage", "percent") for u in ("percentage points", "pp", "p.p.", "annual % growth", "Annual %")),
        ("lending rate minus deposit rate, %", "percentage", "percent"),
        ("bps", "percentage", "raw-units"),
        ("basis points", "percentage", "raw-units"),
        *((u, "index", "index") for u in ("points", "Index, 2010=100", "2000 = 100", "2004-2006 = 100", "index")),
        *((u, "index", "index") for u in ("score (0-10)", "1=low to 6=high", "scale 0 - 100", "1-5 scale; 5=best")),
        *((u, "index", "index") for u in ("1=yes; 0=no", "GPI", "base year varies by country")),
        *((u, "ratio", "raw-units") for u in ("ratio", "correlation coefficient", "months of imports", "multiplier")),
        ("male births per female births", "ratio", "raw-units"),
        *((u, "duration", "raw-units") for u in ("days", "weeks", "Years", "hours per week", "number of months")),
        *((u, "physical", "raw-units") for u in ("kWh per capita", "sq. km", "kt", "mm per year", "MJ/$2011 PPP GDP")),
        *((u, "physical", "raw-units") for u in ("kg per PPP $ of GDP", "mb/d", "micrograms per cubic meter", "°C")),
        ("million barrels", "physical", "millions"),
        ("thousand metric tons of CO2 equivalent", "physical", "thousands"),
        ("BBL/D/1K", "physical", "thousands"),
        ("thousands of persons", "count", "thousands"),
        ("millions of shares", "count", "millions"),
        *(
            (u, "count", "raw-units")
            for u in ("number", "Persons", "Units", "number of cases", "NUMBER OF ALL WORKERS")
        ),
        *((u, "rate", "raw-units") for u in ("per 1,000 people", "births per woman", "per 100,000 live births")),
        *((u, "rate", "raw-units") for u in ("per million people", "people per sq. km of land area")),
        ("modeled estimate, per 100,000 live births", "rate", "raw-units"),
    ],
)
def test_other_units(units: str, kind: str, scale: str) -> None:
    result = normalized(units)
    assert (result.parsed_unit_type, result.normalized_scale, result.parsed_currency) == (kind, scale, None)


@pytest.mark.parametrize(
    ("units", "name"),
    [
        ("XOF", "Mali Alternative Official FX Rate (XOF)"),
        ("PKR", "Parallel FX Rate"),
        ("USD", "EUR/USD"),
        ("NGN", "Naira to US Dollar, parallel market"),
        ("LCU per US$, period average", "Official exchange rate"),
        ("LCU per international $", "PPP conversion factor, GDP"),
        ("EUR per USD", "Euro"),
        (None, "Switzerland / U.S. Foreign Exchange Rate"),
    ],
)
def test_an_exchange_rate_is_a_rate_and_no_amount(units: str | None, name: str) -> None:
    result = normalized(units, name)
    assert result.parsed_unit_type == "rate"
    assert not is_currency_denominated(result)


@pytest.mark.parametrize(
    ("units", "name"),
    [
        ("USD", "GDP at official exchange rate"),
        ("USD billions", "Foreign exchange reserves"),
        ("USD millions", "Gains from exchange rate changes"),
    ],
)
def test_what_only_mentions_an_exchange_rate_is_an_amount(units: str, name: str) -> None:
    assert is_currency_denominated(normalized(units, name))


@pytest.mark.parametrize(
    ("name", "units", "kind", "currency"),
    [
        ("Unemployment (% of female labor force) (modeled ILO estimate)", "modeled ILO estimate", "percentage", None),
        ("Educational attainment, female (%) (cumulative)", "cumulative", "percentage", None),
        ("GNI per capita (current LCU)", None, "currency-amount", "LCU"),
        ("GDP (USD bn)", None, "currency-amount", "USD"),
        ("Exports, USD mn", None, "currency-amount", "USD"),
        ("GDP growth (annual %)", None, "percentage", None),
        ("People below the $1.90 ($ 2011 PPP) poverty line, number", None, "count", None),
        ("Average Duration of Unemployment (Weeks)", None, "duration", None),
    ],
)  # fmt: skip
def test_a_bracket_or_the_tail_of_the_name_stands_in(
    name: str, units: str | None, kind: str, currency: str | None
) -> None:
    result = normalized(units, name)
    assert (result.parsed_unit_type, result.parsed_currency) == (kind, currency)
    assert result.parsing_confidence < 0.9


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CPI: All Items", "index"), ("Housing Starts, West", "count"), ("Unemployment Rate", "percentage"),
        ("Pupil-teacher ratio, primary", "ratio"), ("M2 Money Stock", "currency-amount"), ("Population", "count"),
        ("10-Year Treasury Rate", "percentage"), ("Avg Weekly Hours: Manufacturing", "duration"),
    ],
)  # fmt: skip
def test_words_of_the_name_are_a_guess(name: str, kind: str) -> None:
    result = normalized(None, name)
    assert result.parsed_unit_type == kind
    assert result.parsing_confidence <= 0.5


def test_nothing_to_read_is_unknown() -> None:
    result = normalized(None, "Thing")
    assert (result.parsed_unit_type, result.normalized_scale) == ("unknown", "raw-units")
    assert result.parsing_confidence < 0.3


@pytest.mark.parametrize(
    ("column", "scale"),
    [("Millions", "millions"), ("Units", "raw-units"), ("6", "millions"), ("1,000", "thousands"), ("bn", "billions")],
)
def test_the_scale_column_completes_the_units(column: str, scale: str) -> None:
    result = normalized("EUR", scale=column)
    assert (result.normalized_scale, result.parsed_scale) == (scale, column)


def test_the_currency_column_completes_what_names_no_country() -> None:
    assert normalized("Rs billion", currency_code="PKR").parsed_currency == "PKR"
    assert normalized("Million", "Exports", currency_code="KES").parsed_currency == "KES"
    assert normalized(None, "Trade balance", currency_code="eur").parsed_currency == "EUR"


def test_the_currency_column_makes_no_money_of_a_percentage_or_an_index() -> None:
    assert normalized("%", currency_code="KES").parsed_currency is None
    assert normalized("points", "Stock index", currency_code="USD").parsed_unit_type == "index"


def test_contradictions_cost_confidence() -> None:
    sure = normalized("USD millions").parsing_confidence
    assert normalized("USD millions", scale="Thousands").parsing_confidence < sure
    assert normalized("USD millions", currency_code="KES").parsing_confidence < sure
    assert normalized("USD millions", scale="Millions", currency_code="USD").parsing_confidence == sure


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_read_with_a_scale(code: str) -> None:
    result = normalized(f"{code} million")
    assert (result.parsed_currency, result.normalized_scale) == (code, "millions")


@pytest.mark.parametrize("text", ["all workers", "TOP 10 firms", "top", "cup", "number", "real", "sum"])
def test_words_that_look_like_currencies_are_none(text: str) -> None:
    assert currency_in(text) is None


def test_labelled_indicators() -> None:
    for file in LABELLED.glob("labelled_*.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        right = 0
        for row in rows:
            indicator = Indicator.model_validate({**row["indicator"], "sample_values": ()})
            answer = is_currency_denominated(normalize(indicator, Findings()))
            right += answer == row["expected"]["is_currency_denominated"]
        assert right / len(rows) >= 0.95, file.name


def test_any_text_gets_an_answer() -> None:
    rng = Random(7)
    pieces = [
        "USD",
        "per",
        "/",
        "%",
        "(",
        ")",
        "[",
        ",",
        " ",
        "1",
        "000",
        "=",
        "100",
        "million",
        "'",
        "€",
        "/1K",
        "–",
        "bn",
        "é",
    ]
    for _ in range(2_000):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(1, 12)))
        result = normalized(text, text, scale=text, currency_code=text)
        assert 0 <= result.parsing_confidence <= 1


def test_long_text_takes_no_longer_than_it_should() -> None:
    started = perf_counter()
    for piece in ("USD (", "million ", "ALL ", "a to b ", "1=", "per 1,000 ", "((((", "number of "):
        normalized(piece * 200, piece * 200)
    assert perf_counter() - started < 2
