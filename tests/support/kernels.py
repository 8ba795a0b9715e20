"""Runs code in a real kernel of a real JupyterLab, as a notebook does: over the websocket."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from .real_hub import RealHub


class Kernel:
    """One kernel of *username*'s default server."""

    def __init__(self, hub: RealHub, username: str) -> None:
        self._hub, self._user = hub, username
        answer = hub.post(f"user/{username}/api/kernels", data={})
        assert answer.status == 201, answer.text
        self.id: str = answer.json["id"]

    def run(self, code: str, seconds: float = 60) -> str:
        """Run *code*; return what it printed. An exception in it is an AssertionError."""
        return asyncio.run(asyncio.wait_for(self._run(code), seconds))

    async def _run(self, code: str) -> str:
        url = f"{self._hub.url}user/{self._user}/api/kernels/{self.id}/channels"
        headers = {"Authorization": f"token {self._hub.token}"}
        socket = await websocket_connect(HTTPRequest(url.replace("http", "ws", 1), headers=headers))
        ask, printed = _execute(code), ""
        await socket.write_message(json.dumps(ask))
        while True:
            message = json.loads(await socket.read_message())
            if message["parent_header"].get("msg_id") != ask["header"]["msg_id"]:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                printed += content["text"]
            elif message["msg_type"] == "error":
                raise AssertionError(content["evalue"])
            elif content.get("execution_state") == "idle":
                socket.close()
                return printed


def _execute(code: str) -> dict[str, Any]:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "stop_on_error": True}
    return {
        "header": {**header, "username": "", "session": uuid.uuid4().hex},
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
    }
