"""Documentation that cannot drift: what is written agrees with the code and with itself."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import jupyterhub_monitoring
from jupyterhub_monitoring import cli, metrics
from jupyterhub_monitoring.alerting.rules.pack import THRESHOLD, alert_names, render_pack, rules
from jupyterhub_monitoring.alerting.rules.pack_settings import MonitoringRules
from jupyterhub_monitoring.health.codes import CODES
from jupyterhub_monitoring.health.settings import MonitoringHealth
from jupyterhub_monitoring.hub.settings import Monitoring
from jupyterhub_monitoring.metrics import MetricSpec, catalogue
from jupyterhub_monitoring.metrics.service_catalogue import SERVICE_CATALOGUE
from jupyterhub_monitoring.metrics.usage_catalogue import USAGE_CATALOGUE
from jupyterhub_monitoring.promql.settings import MonitoringQuery
from jupyterhub_monitoring.scrape.settings import MonitoringScrape
from jupyterhub_monitoring.store.settings import MonitoringStore
from jupyterhub_monitoring.usage.settings import MonitoringUsage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted(DOCS.rglob("*.md"))
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))

SPECS = [
    *metrics.STOCK,
    *(
        metric.spec
        for metric in vars(catalogue).values()
        if isinstance(getattr(metric, "spec", None), MetricSpec)
    ),
    *(metric.spec for metric in SERVICE_CATALOGUE.values()),
    *USAGE_CATALOGUE.values(),
]
SETTINGS = [
    f"{cls.__name__}.{name}"
    for cls in (
        Monitoring,
        MonitoringHealth,
        MonitoringQuery,
        MonitoringRules,
        MonitoringScrape,
        MonitoringStore,
        MonitoringUsage,
    )
    for name in cls.class_own_traits(config=True)
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(TOP))


def without_code(text: str) -> str:
    """The text without what is set as code: that may hold brackets."""
    return re.sub(
        r"`[^`\n]*`", "x", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    )


def anchors(page: Path) -> set[str]:
    """What a link can point at in *page*, as GitHub makes it from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def links(page: Path) -> list[str]:
    return [target for target in LINK.findall(without_code(page.read_text())) if ":" not in target]


def test_reference_is_up_to_date():
    """The committed pages are what the code says."""
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/docs\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_metric_is_documented(spec: MetricSpec):
    """Every metric that we export has a heading, and its labels are under it."""
    text = (REFERENCE / "metrics.md").read_text()
    _, found, after = text.partition(f"### `jupyterhub_{spec.name}`\n")
    assert found
    section = after.partition("\n#")[0]
    assert spec.help in section
    assert [label.name for label in spec.labels] == re.findall(r"\* label `(\w+)`", section)


@pytest.mark.parametrize("setting", SETTINGS)
def test_setting_is_documented(setting: str):
    """Every setting has a heading, and something to read under it."""
    _, found, after = (REFERENCE / "settings.md").read_text().partition(f"### `{setting}`\n")
    assert found
    assert len(after.strip().partition("\n* takes:")[0]) > 40


@pytest.mark.parametrize("verb", cli.VERBS)
def test_command_is_documented(verb: str):
    """Every command has a heading."""
    heading = f"## `jupyterhub-monitoring {verb}`\n"
    assert heading in (REFERENCE / "commands.md").read_text()


@pytest.mark.parametrize("code", CODES)
def test_health_code_is_documented(code: str):
    """Every health code is listed, and its page says what one needs to know at 3 a.m."""
    assert f"### `{code}`\n" in (REFERENCE / "health-codes.md").read_text()
    page = (DOCS / "runbooks" / f"{code}.md").read_text()
    sections = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    assert sections[1::2][:3] == ["What it means", "How to see it", "What to do"]
    assert all(len(text.split()) >= 3 for text in sections[2::2])


@pytest.mark.parametrize("alert", alert_names())
def test_alert_is_documented(alert: str):
    """Every built-in alert is on the page, each step with its number, and has a runbook."""
    _, found, after = (REFERENCE / "alerts.md").read_text().partition(f"### `{alert}`\n")
    assert found
    section = after.partition("\n### ")[0].partition("\n## ")[0]
    steps = [
        rule
        for text in render_pack(MonitoringRules(enabled_extra=[alert]).parameters()[0]).values()
        for rule in rules(text)
        if rule.get("alert") == alert
    ]
    rows = [line for line in section.splitlines() if re.match(r"\| (critical|warning|info)", line)]
    assert len(rows) == len(steps)
    for row, rule in zip(rows, steps, strict=True):
        assert row.startswith(f"| {rule['labels']['severity']}")
        assert rule["annotations"]["summary"] in row
        assert rule["expr"].strip() in section
        for number, _, setting in THRESHOLD.findall(rule["expr"]):
            assert f"[`{setting}`](settings.md#monitoringrules{setting}) = {number}" in row
    page = (DOCS / "runbooks" / f"{alert}.md").read_text()
    assert page.startswith(f"# {alert}: ")
    headings = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    assert headings[1::2] == ["What it means", "How to see it", "What to do"]
    assert all(len(text.split()) >= 3 for text in headings[2::2])


def test_no_runbook_without_its_code():
    """A page for a code or an alert that nothing sends would be looked for in vain."""
    pages = {path.stem for path in (DOCS / "runbooks").glob("*.md")}
    assert pages == {*CODES, *alert_names()}


@pytest.mark.parametrize("page", [TOP / "README.md", *PAGES], ids=name_of)
def test_links_lead_somewhere(page: Path):
    """Every relative link is to a file that is there, and to a heading in it."""
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def test_every_page_is_found_from_the_index():
    """Nothing is written that nobody can find."""
    found, to_read = set(), [DOCS / "index.md"]
    while to_read:
        page = to_read.pop()
        if page in found:
            continue
        found.add(page)
        targets = [(page.parent / t.partition("#")[0]).resolve() for t in links(page)]
        to_read += [target for target in targets if target in PAGES]
    assert [name_of(page) for page in PAGES if page not in found] == []


@pytest.mark.parametrize("page", [TOP / "README.md", *PAGES], ids=name_of)
def test_python_in_docs_compiles(page: Path):
    """What one copies from a page is at least Python."""
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    for _, block in blocks:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        compile(textwrap.dedent(block), name_of(page), "exec", flags=flags)


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_decisions_are_short_and_whole(page: Path):
    """A decision can be read in two minutes and says what would show that it was wrong."""
    text = page.read_text()
    assert len(text.splitlines()) <= 40
    for part in ("**Context.**", "**Choice.**", "**What we gave up.**", "**How we would know"):
        assert part in text, part


def test_dependencies_have_their_reason():
    """Every package that we require is named in the decision about dependencies."""
    reasons = (DOCS / "decisions" / "0001-dependencies.md").read_text()
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *itertools.chain(*project["optional-dependencies"].values()),
    ]
    names = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in wanted} - {project["name"]}
    assert {"jupyterhub", "configurable-http-proxy", "ruff"} <= names
    assert [name for name in sorted(names) if f"`{name}" not in reasons] == []


SEED_ROWS = re.findall(
    r"^\| `(\w+)` \|(?: `jupyterhub_(\w+)` \|)? (here|later)[ ,|]",
    (REFERENCE / "seed.md").read_text(),
    re.MULTILINE,
)


def test_seed_page_is_read():
    """The table of names below is the whole page: 22 metrics, 15 classes and functions."""
    assert len(SEED_ROWS) == 37


@pytest.mark.parametrize(("name", "metric", "when"), SEED_ROWS, ids=[row[0] for row in SEED_ROWS])
def test_seed_names(name: str, metric: str, when: str):
    """What the page says is here can be imported, and what it says comes later cannot."""
    home = metrics if metric else jupyterhub_monitoring
    assert hasattr(home, name) == (when == "here")
    if when == "here" and metric:
        described = getattr(home, name).describe()[0]
        suffix = "_total" if described.type == "counter" else ""
        assert f"{described.name}{suffix}" == f"{metrics.PREFIX}_{metric}"
