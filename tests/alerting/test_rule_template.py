"""What stands in labels and annotations is expanded as Prometheus expands it."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.alerting.alert import Millis
from jupyterhub_monitoring.alerting.rules.rule_template import (
    MOST_QUERIES,
    QuerySample,
    RuleTemplate,
    Surroundings,
    failed,
)
from jupyterhub_monitoring.errors import QueryError, TemplateError
from support import go_templates as known
from support.promtool import differences, refused_templates

AT = 1_600_000_000_000


def query(expression: str, at: Millis) -> list[QuerySample]:
    """Answer what the tables ask."""
    assert at == AT
    answers = {"m": [(known.SERIES, known.VALUE)], "two": list(known.TWO), "none": []}
    if expression not in answers:
        raise QueryError(f"nothing known of {expression}")
    return [QuerySample(labels, value) for labels, value in answers[expression]]


AROUND = Surroundings(AT, query, known.EXTERNAL_LABELS, known.EXTERNAL_URL)


def expanded(text: str) -> str:
    return RuleTemplate.parse(text).expand(known.SERIES, known.VALUE, AROUND)


@pytest.mark.parametrize(("text", "expected"), known.RENDERED)
def test_expanded(text: str, expected: str):
    """A template writes what it writes in Prometheus, to the last digit and space."""
    assert expanded(text) == expected


@pytest.mark.parametrize(("text", "reason"), known.FAILING)
def test_failing(text: str, reason: str):
    """What Go finds out when it expands a template is an error then, and not a wrong text."""
    template = RuleTemplate.parse(text)
    with pytest.raises(TemplateError) as raised:
        template.expand(known.SERIES, known.VALUE, AROUND)
    assert raised.value.reason == reason


@pytest.mark.parametrize("text", known.REFUSED)
def test_refused(text: str):
    """What Go cannot parse is known when the rules are loaded."""
    with pytest.raises(TemplateError):
        RuleTemplate.parse(text)


@pytest.mark.peer("promtool")
def test_promtool_expands_them_alike(tmp_path):
    """A real promtool, given our texts as what its alerts must say, has nothing to say."""
    texts = {text: expanded(text) for text, _ in known.RENDERED}
    assert differences(tmp_path, texts) == ""


@pytest.mark.peer("promtool")
def test_promtool_says_when_a_text_differs(tmp_path):
    """The test above would notice a digit."""
    assert "42.6" in differences(tmp_path, {"{{ $value }}": "42.6"})


@pytest.mark.peer("promtool")
def test_promtool_refuses_the_same(tmp_path):
    """A real promtool parses what we parse, and refuses what we refuse."""
    fine = [text for text, _ in known.RENDERED + known.FAILING]
    refused = refused_templates(tmp_path, [*fine, *known.REFUSED])
    assert refused == set(known.REFUSED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ pathPrefix }} {{ externalURL }}", "/pre http://ex.org/pre"),
        ("{{ query `two` | len }}", "2"),
        ("{{ with query `none` }}some{{ else }}nothing{{ end }}", "nothing"),
    ],
)
def test_what_only_we_can_show(text: str, expected: str):
    """The address of our pages and queries are there where promtool has none."""
    assert expanded(text) == expected


def test_a_query_that_fails():
    """The error of a query says what was wrong with it, at the template's line."""
    with pytest.raises(TemplateError, match=r"line 2: error calling query: nothing known of sum"):
        expanded("some text\n{{ query `sum(up)` }}")


def test_queries_are_bounded():
    """A template in a loop cannot ask the engine for as long as it likes."""
    nested = "{{ range query `two` }}" * 8 + "{{ query `m` }}" + "{{ end }}" * 8
    with pytest.raises(TemplateError, match=f"more than {MOST_QUERIES} queries"):
        expanded(nested)


def test_each_expansion_may_ask_anew():
    """The bound is for one text, not for the life of the rule."""
    template = RuleTemplate.parse("{{ query `m` | first | value }}")
    for _ in range(MOST_QUERIES + 1):
        assert template.expand(known.SERIES, known.VALUE, AROUND) == "42.5"


def test_text_in_place_of_one_that_failed():
    """The reader of an alert sees that a template is wrong, and why."""
    error = TemplateError(3, "no")
    assert failed(error) == "<error expanding template: line 3: no>"
