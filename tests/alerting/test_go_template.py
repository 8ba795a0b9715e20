"""Go's templates: what they may see of Python, how they call each other, what they may use up.

What they write is in test_rule_template.py, where a real promtool agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.alerting.go_template import (
    LONGEST_TEXT,
    GoObject,
    Limits,
    StringMap,
    Template,
    TemplateSet,
    bounded,
)
from jupyterhub_monitoring.alerting.go_template.builtin import BUILTINS
from jupyterhub_monitoring.alerting.go_template.lexer import KEYWORDS
from jupyterhub_monitoring.alerting.go_template.parser import DEEPEST, LONGEST, MOST_VARIABLES
from jupyterhub_monitoring.alerting.go_template.times import (
    SECOND,
    GoDuration,
    GoTime,
    format_go_duration,
)
from jupyterhub_monitoring.alerting.rules.rule_template import FUNCTIONS
from jupyterhub_monitoring.errors import TemplateError


class Person(GoObject):
    """A struct with a method that takes an argument, and secrets beside."""

    secret = "hunter2"
    go_type = "test.Person"

    def __init__(self, name: str) -> None:
        self.name = name

    def go_fields(self) -> Mapping[str, Any]:
        return {"Name": self.name, "Boss": None}

    def go_methods(self) -> Mapping[str, Any]:
        return {"Greet": self.greet, "Self": lambda: self}

    def greet(self, word: str) -> str:
        return f"{word}, {self.name}"


class Team(GoObject, tuple[Person, ...]):
    """A slice with a method, as Alertmanager's `.Alerts` is."""

    __slots__ = ()

    def go_methods(self) -> Mapping[str, Any]:
        return {"First": lambda: Team(self[:1]), "Names": lambda: [one.name for one in self]}


class Level(GoObject):
    """A value that says itself how it is written."""

    def go_string(self) -> str:
        return "high"


def join(separator: str, texts: list[str]) -> str:
    bounded(sum(map(len, texts)))
    return separator.join(texts)


def broken(text: str) -> str:
    raise ValueError(f"cannot {text}")


DATA = {"Team": Team([Person("Ann"), Person("Bo")]), "Labels": StringMap(a="b"), "Level": Level()}
OWN = {"join": join, "broken": broken}


LIMITS = Limits()


def rendered(text: str, data: Any = DATA, limits: Limits = LIMITS) -> str:
    return Template.parse(text, OWN, limits=limits).render(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{{ range .Team }}{{ .Name }} {{ end }}", "Ann Bo ", id="fields in a slice"),
        pytest.param("{{ len .Team }} {{ (index .Team 1).Name }}", "2 Bo", id="len and index"),
        pytest.param("{{ range .Team.First }}{{ .Name }}{{ end }}", "Ann", id="method as a field"),
        pytest.param('{{ .Team.Names | join ", " }}', "Ann, Bo", id="method in a pipeline"),
        pytest.param('{{ (index .Team 0).Greet "Hi" }}', "Hi, Ann", id="method with an argument"),
        pytest.param('{{ "Hi" | (index .Team 0).Self.Greet }}', "Hi, Ann", id="piped to a method"),
        pytest.param("{{ with index .Team 0 }}{{ .Boss }}{{ end }}", "<no value>", id="nil field"),
        pytest.param("{{ (index .Team 0).Boss.Name }}", "<no value>", id="field of nil"),
        pytest.param(
            "{{ .Level }} {{ printf `%s|%q` .Level .Level }}", 'high high|"high"', id="String()"
        ),
        pytest.param("{{ index .Team 0 }}", "{Ann <nil>}", id="struct"),
        pytest.param(
            '{{ printf "%+v" (index .Team 0) }}', "{Name:Ann Boss:<nil>}", id="struct, named"
        ),
        pytest.param('{{ printf "%T" (index .Team 0) }}', "test.Person", id="type"),
        pytest.param("[{{ .Labels.nope }}]", "[]", id="missing in a map of texts"),
        pytest.param("[{{ .Nope }}]", "[<no value>]", id="missing in a map of anything"),
        pytest.param("{{ if .Team.First }}yes{{ end }}", "yes", id="a slice that is not empty"),
    ],
)
def test_values(text: str, expected: str):
    """Objects of ours look to a template like Go's."""
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{{ (index .Team 0).secret }}", "can't evaluate field secret", id="attribute"),
        pytest.param("{{ (index .Team 0).__class__ }}", "can't evaluate field", id="class"),
        pytest.param("{{ (index .Team 0).go_fields }}", "can't evaluate field", id="our own hook"),
        pytest.param("{{ .Labels.a.upper }}", "field upper in type string", id="of a str"),
        pytest.param("{{ .Team.count }}", "can't evaluate field count", id="of a tuple"),
        pytest.param("{{ .Team.Names.append }}", "can't evaluate field append", id="of a list"),
        pytest.param('{{ printf "{0.__class__}" 1 }} {{ (1).real }}', "field real", id="of an int"),
        pytest.param(
            "{{ (index .Team 0).Greet }}", "wrong number of args for Greet", id="argument"
        ),
        pytest.param(
            "{{ (index .Team 0).Greet 5 }}", "expected string; found 5", id="literal type"
        ),
        pytest.param("{{ (index .Team 0).Greet .Team }}", "wrong type for value", id="type"),
        pytest.param(
            "{{ (index .Team 0).Greet .Nope }}", "invalid value; expected string", id="nil"
        ),
        pytest.param("{{ .Team.First 5 }}", "wrong number of args for First", id="too many"),
        pytest.param('{{ broken "it" }}', "error calling broken: cannot it", id="function fails"),
        pytest.param("\n\n{{ .Team.x }}", "line 3: can't evaluate", id="line"),
    ],
)
def test_values_are_shut(text: str, reason: str):
    """A template reaches what a value offers by name, and nothing else of Python."""
    with pytest.raises(TemplateError, match=reason.replace("(", r"\(")):
        rendered(text)


def test_a_python_object_is_no_value():
    """An object that offers nothing cannot be looked into, nor be written out."""
    for text in ("{{ .x }}", "{{ . }}", "{{ range . }}{{ end }}", "{{ len . }}"):
        with pytest.raises(TemplateError):
            rendered(text, object())


def test_functions_are_replaced_in_a_rendering():
    """One parsed template asks another engine each time."""
    template = Template.parse("{{ ask 1 }}", {"ask": lambda number: number})
    assert template.render(None, functions={"ask": lambda number: number + 1}) == "2"
    assert template.render(None) == "1"


def test_and_or_stop_early():
    """What comes after a false value of `and` is not evaluated, as since Go 1.18."""
    assert rendered('{{ and false (broken "a") }}{{ or 1 (broken "b") }}') == "false1"


# --- Named templates -----------------------------------------------------------------------------


def test_set_of_templates():
    """Templates of several files call each other; a later definition replaces an earlier one."""
    known = TemplateSet(OWN)
    known.add('{{ define "title" }}[{{ template "name" . }}]{{ end }}{{ define "name" }}x{{ end }}')
    known.add('{{ define "name" }}{{ .Labels.a }}{{ end }} text outside is dropped')
    assert known.names == {"title", "name"}
    assert known.render("title", DATA) == "[b]"
    assert known.template('{{ template "title" . }}!').render(DATA) == "[b]!"


def test_set_is_as_it_was_after_an_error():
    """A file that cannot be parsed changes nothing."""
    known = TemplateSet(OWN)
    known.add('{{ define "a" }}1{{ end }}')
    with pytest.raises(TemplateError):
        known.add('{{ define "a" }}2{{ end }}{{ define "b" }}')
    assert known.render("a", None) == "1"


def test_an_empty_definition_replaces_nothing():
    """As in Go, white space yields to what is there."""
    known = TemplateSet(OWN)
    known.add('{{ define "a" }}1{{ end }}')
    known.add('{{ define "a" }} \n {{ end }}')
    assert known.render("a", None) == "1"


def test_a_template_that_is_not_there():
    """Asking for it is an error that names it."""
    with pytest.raises(TemplateError, match='template "a" not defined'):
        TemplateSet(OWN).render("a", None)


def test_definitions_in_a_text_do_not_stay():
    """What one text defines is not there for the next."""
    known = TemplateSet(OWN)
    assert known.template('{{ define "a" }}1{{ end }}{{ template "a" }}').render(None) == "1"
    assert known.names == frozenset()


# --- Bounds --------------------------------------------------------------------------------------

DOUBLING = '{{ $x := "ab" }}' + "{{ $x = print $x $x }}" * 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("a" * (LONGEST + 1), "is longer than", id="length"),
        pytest.param("{{ if 1 }}" * (DEEPEST + 1), "levels of blocks", id="blocks"),
        pytest.param("{{ " + "(" * (DEEPEST + 1), "levels of blocks", id="parentheses"),
        pytest.param("{{ $x := 1 }}" * (MOST_VARIABLES + 1), "variables", id="variables"),
        pytest.param(DOUBLING, "text of more than", id="doubling"),
        pytest.param('{{ printf "%9999999d" 1 }}', "text of more than", id="width"),
        pytest.param('{{ printf "%.9999999f" 1.5 }}', "text of more than", id="precision"),
        pytest.param("{{ range $ }}" * 9 + "x" + "{{ end }}" * 9, "steps|characters", id="loops"),
        pytest.param(
            '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
            "nests deeper",
            id="recursion",
        ),
        pytest.param(
            '{{ define "a" }}{{ range . }}{{ template "b" $ }}{{ end }}{{ end }}'
            '{{ define "b" }}{{ range . }}{{ template "a" $ }}{{ end }}{{ end }}'
            '{{ template "a" . }}',
            "nests deeper",
            id="recursion in loops",
        ),
    ],
)
def test_bounds(text: str, reason: str):
    """No template hangs the service or eats its memory: it ends with an error."""
    with pytest.raises(TemplateError, match=reason):
        rendered(text, list(range(100)))


def test_output_is_bounded():
    """What a template writes in all has a limit of its own."""
    assert len(rendered("{{ . }}" * 10, "x" * 10, Limits(output=100))) == 100
    with pytest.raises(TemplateError, match="more than 100 characters"):
        rendered("{{ . }}" * 11, "x" * 10, Limits(output=100))


def test_bounded_says_what_is_too_long():
    """Functions of others ask before they make a text."""
    bounded(LONGEST_TEXT)
    with pytest.raises(ValueError, match="262,144 characters"):
        bounded(LONGEST_TEXT + 1)


def test_a_long_chain_of_else_if_is_not_deep():
    """Many branches are no nesting."""
    text = "{{ if eq . 0 }}0" + "".join(f"{{{{ else if eq . {n} }}}}{n}" for n in range(1, 500))
    assert rendered(text + "{{ end }}", 432) == "432"


PIECES = st.sampled_from(
    [
        *("{{", "}}", "{{-", "-}}", "{{/*", "*/}}", "(", ")", "|", ":=", "=", ",", ".", "$", "$x"),
        *(".a", ".Labels.a", "$x.a", " ", "\n", "-", "text", "nil", "true", "1", "0x1F", "1e3"),
        *("'a'", '"s"', "`r`", '"%d %s"', "5.5", "x", '"\\', "{{ end }}", "{{ if . }}"),
        *("{{ range $i, $x := . }}", "{{ else }}", '{{ define "a" }}', '{{ template "a" . }}'),
        *(f"{{{{ {word} " for word in KEYWORDS),
        *BUILTINS,
        *FUNCTIONS,
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join)))
@example("{{ printf `%[1]*.[2]*[3]f` 1 2 3 }}")
@example("{{ \ud800 }}")
def test_any_text_has_an_answer(text: str):
    """Whatever is written is a template or a TemplateError, and so is what comes of it."""
    data = {"Labels": StringMap(a="b"), "a": [1, "x", None, 2.5]}
    limits = Limits(output=2000, steps=2000)
    with suppress(TemplateError):
        Template.parse(text, FUNCTIONS, ["x"], limits).render(data, {"x": data})


# --- Times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("Mon Jan _2 15:04:05 2006", "Wed Jul  5 09:08:07 2023"),
        ("Monday, 02-January-06 03:04PM", "Wednesday, 05-July-23 09:08AM"),
        ("2006-01-02T15:04:05Z07:00", "2023-07-05T09:08:07+02:00"),
        ("2006-01-02T15:04:05.999999999 -0700 MST", "2023-07-05T09:08:07.06 +0200 CEST"),
        ("15:04:05.000,00", "09:08:07.060,06"),
        ("1/2/06 3:4:5 pm", "7/5/23 9:8:7 am"),
        ("002 __2 -07", "186 186 +02"),
        ("Months, Januar", "Months, Januar"),
        ("no layout", "no layout"),
    ],
)
def test_layouts(layout: str, expected: str):
    """A time is written as Go's reference time shows."""
    at = GoTime(1_688_540_887_060_000_000, ZoneInfo("Europe/Berlin"))
    assert at.format(layout) == expected


def test_methods_of_times():
    """Times can be taken apart and compared in a template."""
    data = {"at": GoTime.of_millis(1_688_540_887_060), "later": GoTime.of_millis(1_688_540_977_060)}
    assert rendered("{{ .at }}", data) == "2023-07-05 07:08:07.06 +0000 UTC"
    assert rendered("{{ .at.Year }} {{ .at.Month }} {{ .at.Unix }}", data) == "2023 July 1688540887"
    assert rendered("{{ .later.Sub .at }} {{ (.later.Sub .at).Seconds }}", data) == "1m30s 90"
    assert rendered("{{ .later.After .at }} {{ .at.IsZero }}", data) == "true false"
    assert rendered("{{ (.at.Add (.later.Sub .at)).Equal .later }}", data) == "true"
    assert data["at"].zone is timezone.utc


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (20_000_000, "20ms"),
        (SECOND, "1s"),
        (90 * SECOND, "1m30s"),
        (5400 * SECOND + SECOND // 2, "1h30m0.5s"),
        (-100 * 3600 * SECOND, "-100h0m0s"),
    ],
)
def test_durations(nanoseconds: int, expected: str):
    """A duration is written as Go's `String()` writes it."""
    assert format_go_duration(nanoseconds) == expected
    assert rendered("{{ . }}", GoDuration(nanoseconds)) == expected
