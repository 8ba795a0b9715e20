"""`c.MonitoringPrometheus`: how the engine at `c.Monitoring.prometheus_url` is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from traitlets import Bool, Dict, Float, Integer, Unicode
from traitlets.config import LoggingConfigurable

from ..alerting.receivers.http_options import HttpOptions
from ..alerting.receivers.placeholders import expanded
from ..errors import WrongRouting
from .endpoint import Endpoint

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class MonitoringPrometheus(LoggingConfigurable):
    """Settings of the Prometheus, VictoriaMetrics, Mimir or Thanos that keeps the series.

    Only with `c.Monitoring.prometheus_url`. Secrets may stand elsewhere: a text that is `${NAME}`
    is a variable of the Hub's environment, `${file:/path}` a file. Relative paths begin in the
    Hub's working directory.
    """

    bearer_token = Unicode(
        help="""The token that is sent as `Authorization: Bearer …`. Prefer `bearer_token_file` or
        `${NAME}`: the Hub's configuration is often in a repository."""
    ).tag(config=True, secret=True)

    bearer_token_file = Unicode(
        help="""A file with that token. It is read at each question, so that the token may change
        while the Hub runs."""
    ).tag(config=True)

    username = Unicode(
        help="""The name for HTTP's Basic authentication. Not together with a bearer token."""
    ).tag(config=True)

    password = Unicode(
        help="""The password for `username`. Prefer `password_file` or `${NAME}`."""
    ).tag(config=True, secret=True)

    password_file = Unicode(help="""A file with that password, read at each question.""").tag(
        config=True
    )

    headers = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="""Headers of each question, such as {"X-Scope-OrgID": "physics"}, which names the
        tenant to a Mimir, or whatever a proxy before the engine wants.""",
    ).tag(config=True, secret=True)

    ca_file = Unicode(
        help="""A file with the certificates (PEM) of the authority that signed the engine's.
        Empty: those that this machine trusts."""
    ).tag(config=True)

    cert_file = Unicode(
        help="""A file with the client certificate (PEM) by which the engine, or the proxy before
        it, knows us; `key_file` has its key."""
    ).tag(config=True)

    key_file = Unicode(help="""The key of `cert_file`. Empty: it stands in there, too.""").tag(
        config=True
    )

    verify_tls = Bool(
        True,
        help="""Whether the engine has to show a certificate that is valid for its name. False lets
        anybody between it and the Hub read the token and make up numbers.""",
    ).tag(config=True)

    proxy_url = Unicode(
        help="""The HTTP proxy by which the engine is reached, `http://proxy.example.org:3128`."""
    ).tag(config=True, secret=True)

    timeout_seconds = Float(
        30.0,
        min=0.1,
        max=600.0,
        help="""Seconds that a question may take in all: waiting for its turn, asking again, and
        reading the answer. The engine is told the same limit. Below 5 a plot of 90 days may show
        an error; above 60 a person has left the page.""",
    ).tag(config=True)

    retries = Integer(
        2,
        min=0,
        max=10,
        help="""How often a question is asked again, after growing waits and within its time, when
        the engine cannot be reached, is starting or has no time. A wrong query and a wrong
        password are not asked again. 0 shows an error at each restart of a load balancer.""",
    ).tag(config=True)

    parallel = Integer(
        8,
        min=1,
        max=200,
        help="""Questions at once; others wait for their turn. A page asks some twenty. Above what
        the engine runs at once (20 for a Prometheus) they wait there, and so do other people's; at
        1 a page of ten plots fills one plot after the other.""",
    ).tag(config=True)

    max_answer_bytes = Integer(
        32 << 20,
        min=1 << 16,
        max=1 << 30,
        help="""Bytes of one answer. Above it the page says that it is too large. While it is read,
        an answer takes some four times as much of the service's memory.""",
    ).tag(config=True)

    max_series = Integer(
        20_000,
        min=1,
        help="""Series of one answer. Above it the page says that they are too many. A panel shows
        six and adds up the others, so that 20,000 are enough for 20,000 servers.""",
    ).tag(config=True)

    scrape_interval_seconds = Float(
        60.0,
        min=1.0,
        max=3600.0,
        help="""Seconds between two scrapes of this Hub by the engine, as its configuration has
        them (`scrape_interval`). Plots have no finer steps, and rates look back four times as
        long. Smaller than it really is, rates show gaps; larger, peaks are flatter.""",
    ).tag(config=True)

    def endpoint(
        self, url: str, folder: Path, environ: Mapping[str, str]
    ) -> tuple[Endpoint, list[str]]:
        """Return how the engine at *url* is asked, and a sentence for each thing that is wrong.

        Relative paths begin in *folder*. What is wrong is left out: the engine then says no, which
        is told, too.
        """
        texts, problems = self._texts(url, environ)
        problems += self._contradictions()
        headers, wrong = self._headers(environ)
        options = HttpOptions(
            credentials=texts["bearer_token"],
            credentials_file=_path(folder, self.bearer_token_file),
            username=self.username,
            password=texts["password"],
            password_file=_path(folder, self.password_file),
            headers=headers,
            ca_file=_path(folder, self.ca_file),
            cert_file=_path(folder, self.cert_file),
            key_file=_path(folder, self.key_file),
            insecure=not self.verify_tls,
            proxy_url=texts["proxy_url"],
            follow_redirects=False,
        )
        made = Endpoint(
            texts["prometheus_url"],
            options,
            timeout_seconds=self.timeout_seconds,
            retries=self.retries,
            parallel=self.parallel,
            max_bytes=self.max_answer_bytes,
            max_series=self.max_series,
        )
        return made, problems + wrong

    def _texts(self, url: str, environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """Return the texts that may be elsewhere; what cannot be found is empty."""
        written = {
            "prometheus_url": url,
            "bearer_token": self.bearer_token,
            "password": self.password,
            "proxy_url": self.proxy_url,
        }
        found, problems = {}, []
        for name, text in written.items():
            try:
                found[name] = expanded(text, environ)
            except WrongRouting as wrong:  # noqa: PERF203 -- four texts
                found[name] = "" if name != "prometheus_url" else text
                problems.append(f"{_setting(name)}: {wrong}.")
        return found, problems

    def _headers(self, environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """Return the headers that can be sent."""
        found, problems = {}, []
        for name, text in self.headers.items():
            where = f"c.MonitoringPrometheus.headers[{name!r}]"
            try:
                value = expanded(text, environ)
            except WrongRouting as wrong:
                problems.append(f"{where}: {wrong}. It is left out.")
                continue
            if _HEADER.fullmatch(name) and value.isprintable() and value.isascii():
                found[name] = value
            else:
                problems.append(
                    f"{where} is no header: its name has letters, digits and -, its value is one"
                    " line of ASCII. It is left out."
                )
        return found, problems

    def _contradictions(self) -> Iterator[str]:
        """Yield what is said twice, or only half."""
        mine = "c.MonitoringPrometheus."
        token = bool(self.bearer_token or self.bearer_token_file)
        for one in ("bearer_token", "password"):
            if getattr(self, one) and getattr(self, f"{one}_file"):
                yield f"{mine}{one} and {mine}{one}_file are both set; the file is used."
        if token and self.username:
            yield f"{mine}username is set beside a bearer token; the token is used."
        if (self.password or self.password_file) and not self.username:
            yield f"{mine}password is set without {mine}username; it is not sent."
        if self.key_file and not self.cert_file:
            yield f"{mine}key_file is set without {mine}cert_file; no certificate is shown."
        if (token or self.username) and "Authorization" in map(str.title, self.headers):
            yield f"{mine}headers has an Authorization, which the token or password replaces."


def _setting(name: str) -> str:
    section = "Monitoring" if name == "prometheus_url" else "MonitoringPrometheus"
    return f"c.{section}.{name}"


def _path(folder: Path, name: str) -> str:
    return str(folder / name) if name else ""
