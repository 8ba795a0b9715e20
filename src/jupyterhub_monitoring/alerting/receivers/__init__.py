"""The ways to tell somebody, one module per kind.

A receiver is an object with `kind`, `sends_resolved` and `async send(message)`, see
`alerting/message.py`. They are made of URLs by `notify_urls.py`, and of an Alertmanager
configuration by `configured.py`.
"""
