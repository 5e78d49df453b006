"""Figures and lists that stand in several documents are the same in all of them."""

import itertools
import re

import pytest
from harness.guide import text_of
from test_doc import anchors

SIGNS = {"<=": 1, "at most": 1, ">=": -1, "at least": -1}


def tables(text):
    """The rows of each table: [{head of the column: cell}]."""
    for lines in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
                          for line in lines.splitlines())
        yield [dict(zip(head, row)) for row in rows]


def numbers(cell):
    """The first number of each part."""
    found = (re.match(r"[\d,]*\.?\d+", part.strip()) for part in cell.split(";"))
    return [float(number[0].replace(",", "")) for number in found if number]


def missed(row):
    """Is a number of it beyond its bar? None if it has none, or no number."""
    measured = row.get("measured", row.get("after", ""))
    bar = row.get("bar", row.get("to be", ""))
    bar = re.match(r"(<=|>=|at most|at least|(?=0$)) ?(\d.*)$", bar)
    if not bar or not numbers(measured):
        return None
    sign, bars = SIGNS.get(bar[1], 1), numbers(bar[2])
    bars = bars if len(bars) > 1 else itertools.cycle(bars)
    return any(sign * number > sign * most for number, most in zip(numbers(measured), bars))


def test_a_bar_that_was_missed_says_so():
    rows = [row for table in tables(text_of("doc", "benchmarks.md")) for row in table]
    judged = [(missed(row), "MISSED" in " ".join(row.values()), row) for row in rows]
    judged = [found for found in judged if found[0] is not None]
    assert len(judged) >= 150, f"expected to find the bars, got {len(judged)}"
    wrong = [row for beyond, said, row in judged if beyond != said]
    assert not wrong, f"what is said of the bar is not so: {wrong}"


def part(document, head):
    """From that text on to the next heading."""
    text = text_of("doc", document)
    begin = text.index(head)
    return re.split(r"^#", text[begin + len(head) :], maxsplit=1, flags=re.MULTILINE)[0]


def test_zones_a_second_of_kaname_follow_are_those_of_the_benchmarks():
    measured = part("benchmarks.md", "## kaname follow")
    for document, head in (("scale.md", "**kaname follow** is"),
                           ("operation.md", "### How long it takes")):
        found = re.findall(r"([\d,]+\d)(?= zones a second| a second| signed,| with an async)",
                           part(document, head))
        assert len(found) >= 3, f"{document}: expected zones a second, got {found}"
        unknown = [number for number in found if not re.search(rf"\b{number}\b", measured)]
        assert not unknown, f"{document}: not in the benchmarks: {unknown}"


@pytest.mark.parametrize("document", ["benchmarks", "scale", "operation", "pools", "architecture"])
def test_the_table_of_contents_has_every_part(document):
    text = text_of("doc", f"{document}.md")
    contents = re.search(r"(?:^ *- \[.*\]\(#.*\n)+", text, re.MULTILINE)
    listed = re.findall(r"\(#(.*?)\)", contents[0])
    heads = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
             for head in re.findall(r"^## (.+)$", text, re.MULTILINE)]
    assert set(listed) <= anchors(f"doc/{document}.md")
    assert [head for head in heads if head not in listed] == []


def test_each_lane_of_the_chaos_is_described():
    schedule = text_of("tests", "chaos", "schedule.py")
    lanes = re.findall(r'^    "(\w+)": \(\(', schedule, re.MULTILINE)
    assert len(lanes) >= 9, f"expected to find the lanes, got {lanes}"
    assert re.findall(r"^\| `(\w+)` \|", text_of("tests", "chaos", "README.md"),
                      re.MULTILINE)[: len(lanes)] == lanes
