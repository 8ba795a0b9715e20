"""Alerts on a real Hub: silenced by two clicks, seen by a real amtool, and not for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.alerting_hub import AlertingHub
from support.browser import Chromium, check_axe, shoot
from support.health import read_only
from support.service_hub import PAGE, eventually
from support.told import Told

pytestmark = pytest.mark.peer("chromium", "axe", "amtool")

BURNS = "Burns"
RULES = f"""
groups:
  - name: ours
    rules:
      - alert: {BURNS}
        expr: vector(1) > 0.5
        labels: {{severity: critical, room: "<b>B</b>"}}
        annotations: {{summary: Something burns., runbook_url: "https://docs.example/Burns.md"}}
      - alert: Smokes
        expr: vector(1)
        labels: {{severity: warning}}
"""
ILL = """
def ill(app):
    raise RuntimeError('no licence')
c.MonitoringHealth.extra_checks = {'licences': ill}
c.MonitoringHealth.intervals = {'database': 1}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertingHub]:
    """A Hub on which two alerts fire, and a check fails."""
    with Told() as told:
        kind = type("Hub", (AlertingHub,), {"told": told})
        hub = kind(tmp_path_factory.mktemp("hub"))
        (hub.folder / "rules.yaml").write_text(RULES)
        hub.config += ILL
        hub.start()
        try:
            hub.wait_until_open()
            eventually(lambda: {BURNS, "Smokes"} <= set(hub.firing()))
            eventually(lambda: told.notices(BURNS))
            yield hub
        finally:
            hub.kill()


def silences(hub: AlertingHub) -> list[str]:
    return hub.amtool("silence", "query", "-q").split()


@pytest.mark.parametrize("javascript", [True, False], ids=["", "no script"])
def test_a_silence_takes_two_clicks_and_a_reason(
    hub: AlertingHub, browser: Chromium, *, javascript: bool
):
    """A real amtool has it, with who and why; "end now" ends it. Scripts are not needed."""
    with browser.visit(hub.url, name="admin", javascript=javascript) as visit:
        page = visit.page
        visit.open(PAGE + "alerts")
        assert "2 alerts fire since" in page.locator(".answer").inner_text()
        assert page.locator(".badge").inner_text().split() == ["2", "firing"]
        alert = page.locator(".alert", has_text=BURNS)
        alert.locator("summary").click()
        alert.get_by_label("Why").fill("we know, <i>it</i> burns")
        alert.get_by_role("button", name="Silence").click()
        page.wait_for_url("**/alerts?range=7d#a*")
        assert "by admin: we know, <i>it</i> burns" in page.locator(".alert:target").inner_text()
        assert "1 alert fires since" in page.locator(".answer").inner_text()
        told = hub.amtool("silence", "query", "-o", "extended")
        assert re.search(rf"alertname=\"?{BURNS}.*admin\s+we know, <i>it</i> burns", told), told
        page.get_by_role("button", name="End now").click()
        page.wait_for_url("**/alerts?range=7d#silences")
        assert "2 alerts fire since" in page.locator(".answer").inner_text()
        assert silences(hub) == []
        assert visit.troubles == []


def test_many_words_have_room_on_a_phone(hub: AlertingHub, browser: Chromium):
    """Alerts with their forms open, and the number in the navigation: nothing is cut off."""
    with browser.visit(hub.url, name="admin", width=360, dark=True) as visit:
        for path in ("alerts", "rules", "rule?group=ours&name=Smokes", "checks"):
            visit.open(PAGE + path)
            for form in visit.page.locator(".silence summary").all():
                form.click()
            shoot(visit.page, f"{path.partition('?')[0]}-firing-360")
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360, path
            assert check_axe(visit.page) == [], path


def test_a_plain_user_silences_nothing(hub: AlertingHub, browser: Chromium):
    """Neither to look nor to send, with the token of a page that is the user's own."""
    with browser.visit(hub.url, name="ana") as visit:
        assert visit.open(PAGE + "alerts") == 403
        visit.open(PAGE + "me")
        token = visit.page.locator("body").get_attribute("data-xsrf")
        assert token
        for path in ("alerts/silence", "alerts/silence/end"):
            sent = visit.page.request.post(
                hub.url + PAGE + path,
                form={"_xsrf": token, "alert": "a", "duration": "1h", "comment": "x"},
            )
            assert sent.status == 403, sent.text()
    assert silences(hub) == []


def test_an_admins_browser_sends_nothing_for_others(hub: AlertingHub, browser: Chromium):
    """Without the token of the page a cookie changes nothing."""
    with browser.visit(hub.url, name="admin") as visit:
        visit.open(PAGE + "alerts")
        alert = visit.page.locator(".alert").first.get_attribute("id")
        form = {"alert": alert or "", "duration": "1h", "comment": "x"}
        sent = visit.page.request.post(f"{hub.url}{PAGE}alerts/silence", form=form)
        assert sent.status == 403
    assert silences(hub) == []


def test_a_rule_and_its_plot(hub: AlertingHub, browser: Chromium):
    """From the alert to its rule, with the threshold; from all rules, found while one types."""
    with browser.visit(hub.url, name="admin") as visit:
        page = visit.page
        visit.open(PAGE + "alerts")
        page.locator(".alert", has_text=BURNS).get_by_role("link", name="rule").click()
        page.locator(".u-legend", has_text="threshold").wait_for()
        assert f"{BURNS} fires." in page.locator(".answer").inner_text()
        assert "vector(1) > 0.5" in page.locator("pre").inner_text()
        shoot(page, "rule")
        assert check_axe(page) == []
        page.get_by_role("link", name="All rules").click()
        page.fill("#q", "ours firing")
        page.wait_for_url("**/rules?q=ours+firing")
        page.locator("h2.group").nth(1).wait_for(state="detached")
        assert page.locator("table.rules td a").all_inner_texts() == [BURNS, "Smokes"]
        shoot(page, "rules")
        assert check_axe(page) == []
        assert visit.troubles == []


def test_a_check_that_fails(hub: AlertingHub, browser: Chromium):
    """The Overview tells of it and leads to its line, with its code, since when, and its past."""
    with browser.visit(hub.url, name="admin") as visit:
        page = visit.page
        visit.open(PAGE)
        said = "The check licences did not finish (HUB-CHECK-02)"
        told = page.locator(".answer li", has_text=said)
        told.get_by_role("link", name="what to do").click()
        page.wait_for_url("**/checks#HUB-CHECK-02")
        line = page.locator("tr:target")
        assert "licences" in line.inner_text()
        assert "RuntimeError: no licence" in line.inner_text()
        assert line.get_by_role("link", name="HUB-CHECK-02").count() == 1
        line.locator("svg.strip rect.fail").first.wait_for()
        assert "The check licences did not finish since" in page.locator(".answer").inner_text()
        assert visit.troubles == []


def test_a_database_that_takes_no_writes(hub: AlertingHub, browser: Chromium):
    """The Hub can look up no token then; its own service learns the code all the same."""
    with browser.visit(hub.url, name="admin") as visit:
        visit.open(PAGE + "checks")  # what the Hub said of this login is good for five minutes
        with read_only(hub.folder / "hub.db"):

            def told() -> bool:
                visit.open(PAGE + "checks")
                return "The database takes no writes since" in visit.page.inner_text("body")

            eventually(told)
            assert "(HUB-DB-02)" in visit.page.locator(".answer").inner_text()
            visit.open(PAGE)
            told_first = visit.page.locator(".answer").inner_text()
            assert "The database takes no writes (HUB-DB-02)" in told_first
