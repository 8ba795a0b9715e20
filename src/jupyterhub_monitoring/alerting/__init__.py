"""From a rule to a message on somebody's phone.

rule file → rule → alert → route → group → inhibit · mute · silence → dedup → queue → receiver

The records that pass from one stage to the next are in `alert.py` and `message.py`.
"""
