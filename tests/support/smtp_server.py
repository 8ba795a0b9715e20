"""A mail server: it takes mails, or refuses as a test wants."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class SmtpServer:
    """*replies* has answers by the command's first word, in place of the good ones."""

    password: str = ""  # asked for, if there is one
    starttls: ssl.SSLContext | None = None
    tls: ssl.SSLContext | None = None  # from the first byte
    replies: dict[str, str] = field(default_factory=dict)
    wait: bool = False  # say nothing at all, until it is `released`
    released: asyncio.Event = field(default_factory=asyncio.Event)
    commands: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)  # of each mail

    async def __aenter__(self) -> SmtpServer:  # noqa: PYI034 -- nobody subclasses it
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._session(reader, writer)
        writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.wait:
            await self.released.wait()
        writer.write(b"220 mail.example.org\r\n")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            word = line.split()[0].upper()
            writer.write(self._reply(word, line, writer).encode() + b"\r\n")
            await writer.drain()
            if word == "QUIT":
                return
            if word in self.replies:
                continue
            if word == "STARTTLS":
                reader, writer = await _encrypted(writer, self.starttls)
            elif word == "DATA":
                self._keep(await reader.readuntil(b"\r\n.\r\n"), writer)
                writer.write(b"250 taken\r\n")

    def _reply(self, word: str, line: str, writer: asyncio.StreamWriter) -> str:
        if word in self.replies:
            return self.replies[word]
        if word == "EHLO":
            offered = ["8BITMIME"]
            if self.starttls and not writer.get_extra_info("ssl_object"):
                offered.append("STARTTLS")
            if self.password:
                offered.append("AUTH PLAIN")
            return "\r\n".join(["250-mail.example.org", *[f"250-{o}" for o in offered], "250 OK"])
        if word == "AUTH":
            given = base64.b64decode(line.rpartition(" ")[2]).decode().rpartition("\0")[2]
            return "235 welcome" if given == self.password else f"535 5.7.8 {given} is wrong"
        return {"STARTTLS": "220 go on", "DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 ok")

    def _keep(self, mail: bytes, writer: asyncio.StreamWriter) -> None:
        self.encrypted.append(writer.get_extra_info("ssl_object") is not None)
        self.mails.append(message_from_bytes(mail[:-3], policy=policy.default))


async def _encrypted(
    writer: asyncio.StreamWriter, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    protocol = writer.transport.get_protocol()
    transport = await loop.start_tls(writer.transport, protocol, context, server_side=True)
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
