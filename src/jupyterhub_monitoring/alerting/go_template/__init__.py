"""Go's `text/template`, as far as Prometheus's rules and Alertmanager's notifications use it.

    template = Template.parse('{{ $labels.job }}: {{ .Value | humanize }}', functions, ["labels"])
    text = template.render(data, {"labels": StringMap({"job": "hub"})})

The functions are the caller's: a mapping from their names to Python functions whose annotations are
their Go types (see `calls`). What a template can see of Python is `values`' business: it reaches
what a value offers by name, never a Python attribute. What it may use up is bounded (see `budget`).

It is the language of Go 1.18 to 1.22: all Prometheus and Alertmanager from 2022 on take it.
"""

from .budget import Limits
from .calls import LONGEST_TEXT, bounded, costly
from .template import Template, TemplateSet
from .values import GoObject, StringMap

__all__ = [
    "LONGEST_TEXT",
    "GoObject",
    "Limits",
    "StringMap",
    "Template",
    "TemplateSet",
    "bounded",
    "costly",
]
