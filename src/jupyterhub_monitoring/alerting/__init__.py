"""From a rule to a message on somebody's phone.

    rules/       rule files → rules → alerts; the pack that we ship
    routing/     what an Alertmanager's configuration decides: routes, inhibition, silences, times
    notifying/   the alert book → groups → dedup → queue → delivery; all of it on disk
    receivers/   one module for each way to tell somebody
    unit_test/   promtool's unit tests of rules
    go_template/ the language of annotations and messages

The records that pass from one to the next are in `alert.py` and `message.py`.
"""
