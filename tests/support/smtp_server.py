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
    wait: bool = False  # say nothing at all
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
        async def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        while self.wait:
            await asyncio.sleep(0.05)
        await say("220 mail.example.org")
        while line := (await reader.readline()).decode().strip():
            word = line.split()[0].upper()
            self.commands.append(line)
            if word in self.replies:
                await say(self.replies[word])
            elif word == "EHLO":
                await say("250-mail.example.org")
                if self.starttls and not writer.get_extra_info("ssl_object"):
                    await say("250-STARTTLS")
                await say("250 AUTH PLAIN" if self.password else "250 8BITMIME")
            elif word == "STARTTLS":
                await say("220 go on")
                reader, writer = await _encrypted(reader, writer, self.starttls)
            elif word == "AUTH":
                given = base64.b64decode(line.split()[-1]).decode().rpartition("\0")[2]
                right = given == self.password
                await say("235 welcome" if right else f"535 5.7.8 {given} is wrong")
            elif word == "DATA":
                await say("354 go on")
                self._keep(await reader.readuntil(b"\r\n.\r\n"), writer)
                await say("250 taken")
            elif word == "QUIT":
                await say("221 bye")
                return
            else:
                await say("250 ok")

    def _keep(self, mail: bytes, writer: asyncio.StreamWriter) -> None:
        self.encrypted.append(writer.get_extra_info("ssl_object") is not None)
        self.mails.append(message_from_bytes(mail[:-3], policy=policy.default))


async def _encrypted(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    protocol = writer.transport.get_protocol()
    transport = await loop.start_tls(writer.transport, protocol, context, server_side=True)
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
