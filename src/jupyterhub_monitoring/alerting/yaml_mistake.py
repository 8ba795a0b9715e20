"""What is wrong with a text that is no YAML, in words that help, and without what it holds."""

from __future__ import annotations

import yaml


def mistake(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """Return the line, from 1, and the reason of *error* in *text*; line 0 where none is known.

    The reason is in the parser's own words: what it quotes of the text may be a secret.
    """
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return 0, error.problem or "no YAML"
    if _begins_with_tab(text, mark.line):
        return mark.line + 1, "this line is indented with a tab, where YAML takes only spaces"
    return mark.line + 1, error.problem or "no YAML"


def _begins_with_tab(text: str, number: int) -> bool:
    """Whether a tab is among the blanks before the text of line *number*, from 0."""
    line = "".join(text.split("\n")[number : number + 1])
    return "\t" in line[: len(line) - len(line.lstrip(" \t"))]
