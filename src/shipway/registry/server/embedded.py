"""The embedded registry as a server: in a thread of its own, or as the whole process."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from shipway.errors import ConfigError, HostError, InvalidValue
from shipway.oci.files import reported, write_durably
from shipway.place import Place
from shipway.registry.server.accounts import Accounts
from shipway.registry.server.app import create_app
from shipway.registry.server.collection import Collected
from shipway.registry.server.store import Store

_PORT_FILE = ".registry.port"
_BACKLOG = 512
# longer than clients keep idle connections, so that none is closed under a request
_KEEP_ALIVE_SECONDS = 120
_GRACE_SECONDS = 5
_START_SECONDS = 30
_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^\[\]:]+):(?P<port>[0-9]{1,5})\Z")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate (with its chain) and its private key, both PEM."""

    certificate: Path
    key: Path


class EmbeddedRegistry:
    """The registry over ``directory``, served from ``start`` to ``stop``, or within a ``with``.

    ``port`` 0 takes the port that this folder had last, since engines remember what they pushed by address,
    and any free one when it is taken. Only ``host`` is listened on. Raises HostError when it cannot listen
    or use the folder, ConfigError when certificate and key, or the password file, cannot be used.
    ``htpasswd`` names the accounts that alone may push and pull (see ``accounts``).
    """

    def __init__(
        self,
        directory: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: TlsFiles | None = None,
        *,
        htpasswd: Path | None = None,
        read_only: bool = False,
    ) -> None:
        self.directory = directory
        self._host = host
        self._port = port
        self._tls = tls
        self._htpasswd = htpasswd
        self._read_only = read_only
        self._address = ""
        self._stack = ExitStack()

    @property
    def address(self) -> str:
        """``HOST:PORT`` as it stands in references; empty before ``start``."""
        return self._address

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._address}"

    def start(self) -> None:
        """Listen, and return once requests are answered."""
        with ExitStack() as stack:
            context = _tls_context(self._tls) if self._tls else None
            accounts = Accounts.read(self._htpasswd) if self._htpasswd else None
            store = Store(self.directory)
            stack.callback(store.close)
            listener = stack.enter_context(self._listen())
            app = create_app(store, accounts=accounts, read_only=self._read_only)
            stack.enter_context(_running(_Server(_config(app, context)), listener))
            port = listener.getsockname()[1]
            if not self._port:
                write_durably(self.directory / _PORT_FILE, f"{port}\n".encode())
            self._address = f"[{self._host}]:{port}" if ":" in self._host else f"{self._host}:{port}"
            self._stack = stack.pop_all()

    def collect(self, grace: float, *, every: float = 0.0) -> Collected | None:
        """Collect garbage while requests go on: see ``Store.collect``.

        None, and nothing done, when that was last done less than ``every`` seconds ago.
        """
        with closing(Store(self.directory)) as store:
            return store.collect(grace) if store.is_due(every) else None

    def stop(self) -> None:
        """Finish the requests under way, for five seconds at most, and close everything."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listen(self) -> socket.socket:
        if self._port:
            return _bound(self._host, self._port)
        with suppress(HostError):
            return _bound(self._host, self._last_port())
        return _bound(self._host, 0)

    def _last_port(self) -> int:
        try:
            return int((self.directory / _PORT_FILE).read_text())
        except (OSError, ValueError):
            return 0


def serve(
    directory: Path,
    listen: str = "127.0.0.1:5000",
    tls: TlsFiles | None = None,
    *,
    htpasswd: Path | None = None,
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM, from the main thread. ``announce`` gets its URL when it is ready.

    Raises InvalidValue when ``listen`` is not HOST:PORT, and what ``EmbeddedRegistry`` raises.
    """
    host, port = parse_listen(listen)
    with _signals_held({signal.SIGINT, signal.SIGTERM}) as stop_signals:
        registry = EmbeddedRegistry(directory, host, port, tls, htpasswd=htpasswd)
        with registry:
            announce(registry.url)
            signal.sigwait(stop_signals)


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:5000`` or ``[::1]:5000``. Raises InvalidValue."""
    match = _LISTEN.match(text)
    if not match or int(match["port"]) > 65535:
        raise InvalidValue(
            f"{text!r} is not an address to listen on",
            help="write HOST:PORT, such as 127.0.0.1:5000, or 0.0.0.0:5000 to let other machines in",
        )
    return match["host"].strip("[]"), int(match["port"])


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()


def _config(app: object, tls: ssl.SSLContext | None) -> uvicorn.Config:
    # refused requests are answered, not logged; what fails here is logged by the application
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
    )


@contextmanager
def _running(server: _Server, listener: socket.socket) -> Iterator[None]:
    def run() -> None:
        try:
            asyncio.run(server.serve([listener]))
        finally:
            server.answering.set()

    thread = threading.Thread(target=run, name="embedded registry", daemon=True)
    thread.start()
    try:
        server.answering.wait(_START_SECONDS)
        if not server.started:
            raise HostError("the embedded registry did not start")
        yield
    finally:
        server.should_exit = True
        thread.join()


def _bound(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            # a port that waits out its last connections may be taken again at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise _listen_error(host, port, error) from None
    return listener


def _listen_error(host: str, port: int, error: OSError) -> HostError:
    cause, help = {
        errno.EADDRINUSE: ("another program listens there", "choose another port, or stop that program"),
        errno.EACCES: ("ports below 1024 need privileges", "choose a port from 1024"),
        errno.EADDRNOTAVAIL: (f"{host} is no address of this machine", "listen on 127.0.0.1 or 0.0.0.0"),
    }.get(error.errno or 0, ((error.strerror or str(error)).lower(), None))
    return HostError(f"cannot listen on {host}:{port}", cause=cause, help=help)


def _tls_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in (files.certificate, files.key):
        with reported(f"read {path}"):
            path.read_bytes()
    try:
        # an empty password, since OpenSSL would ask for one on the terminal
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as error:
        raise ConfigError(
            f"cannot use the certificate with the key {files.key}",
            place=Place(str(files.certificate)),
            cause=error.reason or str(error),
            help="give a PEM certificate, and the PEM key that belongs to it without a password",
        ) from None
    return context


@contextmanager
def _signals_held(signals: set[signal.Signals]) -> Iterator[set[signal.Signals]]:
    """Keep the signals back in this thread, and in those it starts, for ``sigwait`` to take."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield signals
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
