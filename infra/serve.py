"""`kontor serve`: everything in one process group, up when the portal answers, down with one signal."""

import errno
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel

from infra import master_key
from infra.lifecycle import GRACE_SECONDS, exit_on_stop
from infra.postgres import embedded
from infra.settings import Settings, SettingsError
from infra.supervisor import Program, Supervisor, kontor
from infra.terminal import progress

if TYPE_CHECKING:
    from infra.runtime import Runtime

READY_SECONDS = 120


class NotReady(Exception):
    """The processes started, but the portal does not answer."""


def serve(settings: Settings, console: Console, *, demo: bool) -> None:
    """Run everything until a stop signal; `demo` loads the demo data once."""
    from infra.demo import load_demo
    from infra.runtime import Runtime
    from projections.rebuild import rebuild_outdated

    exit_on_stop(signal.SIGHUP)
    with (
        closing(listen(settings.host, settings.port)) as listener,
        _database_kept_up(settings) as keepers,
        Runtime.open(settings, migrating=True) as runtime,
    ):
        rebuild_outdated(runtime.database.owner_url, runtime.feeds, runtime.vault)
        if demo:  # before anybody can ask for a run that would miss half of it
            with progress(console) as report:
                load_demo(runtime, report)
        if settings.admin_token:
            runtime.access.ensure_admin_key(settings.admin_token)
        runtime.billing.retry_parked_documents(also_unended=True)
        with Supervisor(programs(settings, listener.fileno()), keepers) as supervisor:
            wait_until_ready(settings)
            runtime.views.take_in(READY_SECONDS)
            # One that is made is shown once: not before everything else went well.
            token = runtime.access.ensure_admin_key(settings.admin_token)
            welcome(console, settings, sign_in_link(runtime), token)
            try:
                supervisor.wait()
            finally:
                console.print("\nStopping …")


def serve_api(settings: Settings, listener: int | None = None) -> None:
    """Answer HTTP until a stop signal, on a socket that was inherited (its file descriptor) or one of our own."""
    import uvicorn

    from infra.runtime import Runtime
    from infra.web import create_app

    exit_on_stop()  # also for uvicorn, which hands the signal on when its last answer is out
    with (
        closing(
            socket.socket(fileno=listener) if listener else listen(settings.host, settings.port)
        ) as shared,
        Runtime.open(settings) as runtime,
    ):
        web = create_app(runtime.customer, runtime.billing, runtime.views, runtime.access)
        config = uvicorn.Config(
            web,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=int(GRACE_SECONDS) - 2,
        )
        uvicorn.Server(config).run(sockets=[shared])


def listen(host: str, port: int) -> socket.socket:
    """The socket that all web server processes share; raises SettingsError when there is none to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(_why_not_listening(error, host, port)) from error


def programs(settings: Settings, listener: int) -> list[Program]:
    """What `kontor serve` keeps running."""
    web = kontor("api", "--listener", str(listener))
    relay = [Program("relay", kontor("relay"))] if settings.kafka else []
    return [
        *relay,
        *(Program(name, web, inherits=(listener,)) for name in _numbered("api", settings.api_processes)),
        *(Program(name, kontor("billing")) for name in _numbered("billing", settings.billing_workers)),
        *(Program(name, kontor("render")) for name in _numbered("render", settings.renderers)),
        *([Program("mail", kontor("mail"))] if settings.smtp_host else []),
        Program("project", kontor("project")),
    ]


def local_url(settings: Settings) -> str:
    """Where a browser on this machine finds the portal."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 compared, not bound to
    host = everywhere.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def sign_in_link(runtime: "Runtime") -> str:
    """A new link that signs a browser in to the portal."""
    return f"{local_url(runtime.settings)}/sign-in?token={runtime.access.new_link_token()}"


def wait_until_ready(settings: Settings) -> None:
    """Return when `/health/ready` answers 200; raises NotReady."""
    deadline = time.monotonic() + READY_SECONDS
    while not _is_ready(f"{local_url(settings)}/health/ready"):
        if time.monotonic() > deadline:
            raise NotReady(f"the portal did not answer within {READY_SECONDS} s; see the messages above")
        time.sleep(0.1)


def welcome(console: Console, settings: Settings, link: str, token: str | None) -> None:
    """Say where the portal is, how to get in, and how to stop."""
    lines = ["Open this link in your browser to sign in:", "", f"[bold]{link}[/bold]"]
    if token:
        lines += ["", "Admin token for the API, shown only now:", "", f"[bold]{token}[/bold]"]
    lines += ["", f"[dim]Data: {settings.data_dir} · new link: kontor sign-in-link · stop: Ctrl-C[/dim]"]
    lines += [f"[dim]Master key: {master_key.where(settings)} · keep a copy, apart from the backups[/dim]"]
    lines += [f"[dim]E-mail: {settings.smtp_host or 'none is sent · a mail server: KONTOR_SMTP_HOST'}[/dim]"]
    # A link that a narrow terminal breaks over two lines of a box cannot be followed.
    if max(len(link), len(token or "")) + 6 <= console.width:
        console.print(
            Panel.fit("\n".join(lines), title="Kontor is running", border_style="green", padding=(1, 2))
        )
    else:
        console.print(
            "\n".join(["", "[bold green]Kontor is running[/bold green]", "", *lines, ""]), soft_wrap=True
        )


@contextmanager
def _database_kept_up(settings: Settings) -> Iterator[list[Callable[[], object]]]:
    """The embedded server, if it is to be used, and what starts it again when it was killed."""
    if settings.database_url is not None:
        yield []
        return
    with embedded.running(settings.data_dir) as server:
        yield [server.ensure_running]


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name} {number}" for number in range(1, count + 1)]


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 our own http address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _why_not_listening(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken by another program; choose another one: KONTOR_PORT={port + 1}"
        )
    if error.errno == errno.EACCES:
        return f"only root may listen on port {port}; choose one from 1024 on: KONTOR_PORT=8000"
    return f"KONTOR_HOST is {host!r}, but must be an address of this machine ({error.strerror or error})"
