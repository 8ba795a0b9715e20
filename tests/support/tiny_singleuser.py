"""A single-user server in one page: starts in 0.1 s, answers what the Hub asks, nothing more.

Only for tests that need many servers; others start the real one. The proxy, the spawner, the
process and the requests are real.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", os.environ.get("TINY_VERSION", "6.1.1"))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"version": "0"}')

    do_HEAD = do_GET  # noqa: N815 -- the library's name

    def log_message(self, *args):
        pass


url = urlparse(os.environ["JUPYTERHUB_SERVICE_URL"])
ThreadingHTTPServer((url.hostname, url.port), Server).serve_forever()
sys.exit(0)
