"""The Prometheus HTTP API on the embedded store.

    application = tornado.web.Application(handlers(context, "/services/monitoring"))

*context* is an `ApiContext`; queries wait and run in its `QueryRunner`.
"""

from ..querier.runner import QueryRunner
from .context import ApiContext
from .parameters import MAX_BODY_BYTES
from .routes import handlers

__all__ = ["MAX_BODY_BYTES", "ApiContext", "QueryRunner", "handlers"]
