"""A mail server with TLS and a login: it prints its port, then each mail as a line of JSON, until its input ends."""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

certificate, key, wrapped, user, password = sys.argv[1:]


def say(value):
    print(json.dumps(value), flush=True)


class Mails:
    async def handle_DATA(self, server, session, envelope):
        say({"to": envelope.rcpt_tos, "encrypted": session.ssl is not None or wrapped == "yes", "by": session.auth_data,
             "text": envelope.content.decode()})
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    known = (data.login.decode(), data.password.decode()) == (user, password)
    return AuthResult(success=known, auth_data=data.login.decode() if known else None)


def connection():
    starttls = None if wrapped == "yes" else context
    return SMTP(Mails(), tls_context=starttls, require_starttls=starttls is not None, authenticator=login, auth_required=True,
                auth_require_tls=starttls is not None)


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context if wrapped == "yes" else None)
    say(server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
asyncio.run(serve())
