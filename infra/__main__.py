"""The `kontor` command. Every command hands on to a function elsewhere, imported when it is needed."""

import json
import sys
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape

from infra import logs
from infra.lifecycle import exit_on_stop, exit_with_parent
from infra.settings import Settings, SettingsError, as_markdown

if TYPE_CHECKING:
    from infra.runtime import Runtime

OK, FAILED, WRONG_USAGE = 0, 1, 2

Kind = Literal["customers", "contracts", "orders", "usage", "telco"]
Format = Literal["zugferd", "xrechnung", "xrechnung-ubl"]
AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON for another program to read.")]

app = typer.Typer(
    name="kontor",
    help="The customer and billing backbone of a subscription business, built on events.",
    epilog="Start here: kontor serve --demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
audit = typer.Typer(help="Check the data against the log of events.", no_args_is_help=True)
documents = typer.Typer(help="Hand on issued documents.", no_args_is_help=True)
projections = typer.Typer(help="Look after the views that answers come from.", no_args_is_help=True)
dev = typer.Typer(help="What development and tests need on this machine.", no_args_is_help=True)
kafka = typer.Typer(help="A real Apache Kafka of your own, on the Java that is here.", no_args_is_help=True)
app.add_typer(audit, name="audit")
app.add_typer(documents, name="documents")
app.add_typer(projections, name="projections")
app.add_typer(dev, name="dev")
dev.add_typer(kafka, name="kafka")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


# -- running ------------------------------------------------------------------------------------


@app.command(epilog="Example: KONTOR_PORT=8080 kontor serve --demo")
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Fill it with demo data at the first start.")] = False,
) -> None:
    """Run everything: database, portal and API, billing, projections. Stops with Ctrl-C."""
    from infra.serve import serve as run

    run(_settings("serve"), out, demo=demo)


@app.command(epilog="Example: KONTOR_HOST=0.0.0.0 kontor api")
def api(listener: Annotated[int | None, typer.Option(hidden=True)] = None) -> None:
    """Run one web server process for the portal and the API."""
    from infra.serve import serve_api

    serve_api(_part("api"), listener)


@app.command(epilog="Example: kontor billing")
def billing() -> None:
    """Run one billing process; any number of them share the work."""
    from infra.processes import run_billing

    run_billing(_part("billing"))


@app.command(epilog="Example: kontor render")
def render() -> None:
    """Run one process that renders issued documents; any number of them share the work."""
    from infra.processes import run_renderer

    run_renderer(_part("render"))


@app.command(epilog="Example: KONTOR_SMTP_HOST=smtp.example.com kontor mail")
def mail() -> None:
    """Run one process that sends documents by e-mail; any number of them share the work."""
    from infra.processes import run_mailer

    run_mailer(_part("mail"))


@app.command(epilog="Example: kontor project")
def project() -> None:
    """Run one process that keeps the views up to date."""
    from infra.processes import run_projections

    run_projections(_part("project"))


@app.command(epilog="Example: KONTOR_KAFKA=kafka.example:9092 kontor relay")
def relay() -> None:
    """Run one process that sends the logs to Kafka; of several one works, the others stand by."""
    from infra.processes import run_relay

    run_relay(_part("relay"))


@app.command(epilog="Example: KONTOR_DATABASE_URL=postgresql://owner@db.example/kontor kontor migrate")
def migrate() -> None:
    """Bring the database to the shape that this version needs, and rebuild views made by another version."""
    from infra.postgres.migrate import migrate as apply
    from infra.runtime import Runtime
    from projections.rebuild import rebuild_outdated

    with Runtime.open(_settings("migrate")) as runtime:
        done = [f"applied {name}" for name in apply(runtime.database.owner_url)]
        done += [
            f"rebuilt {name}"
            for name in rebuild_outdated(runtime.database.owner_url, runtime.feeds, runtime.vault)
        ]
    out.print("\n".join(done) or "nothing to do: the database is up to date")


@app.command("sign-in-link", epilog="Example: kontor sign-in-link")
def sign_in_link() -> None:
    """Print a new link that signs a browser in to the portal."""
    from infra.serve import sign_in_link as new_link

    with _runtime("sign-in-link") as runtime:
        print(new_link(runtime))  # noqa: T201 without Rich, which would break a long line


# -- working ------------------------------------------------------------------------------------


@app.command("import", epilog="Example: kontor import customers customers.csv")
def import_(
    kind: Annotated[
        Kind, typer.Argument(help="What the file holds; `telco` is IBM's sample of customers and contracts.")
    ],
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV ending in .csv, else JSON Lines.")
    ],
    day: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            formats=["%Y-%m-%d"],
            help="For telco: the day on which the customers are as old as it says.",
        ),
    ] = None,
    bill_from: Annotated[
        datetime | None,
        typer.Option(
            "--bill-from",
            formats=["%Y-%m-%d"],
            help="For telco: the first day to bill; what lies before it another system has billed.",
        ),
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Import a file; what is there already stays as it is, bad rows go to a rejects file with the reason.

    Stopped in the middle, start it again: it goes on where it was.

    A CSV file's columns are field paths such as `addresses[0].city`, a JSON Lines file has a body of the API in each line.

    The row of a customer may bring along its paymentAccounts, contracts, orders and billingStop.
    """
    from infra.demo import telco
    from infra.imports import Kind as RowKind
    from infra.imports import import_file
    from infra.imports.rows import read_rows
    from infra.terminal import progress

    if (day is None) == (kind == "telco"):
        raise typer.BadParameter("telco needs a date, and nothing else has one", param_hint="--date")
    if bill_from and not day:
        raise typer.BadParameter("only telco has it", param_hint="--bill-from")
    read = telco.reader(day.date(), bill_from and bill_from.date()) if day else read_rows
    rows: RowKind = "customers" if kind == "telco" else kind
    total = file.stat().st_size
    with _runtime("import") as runtime, progress(err) as report:
        result = import_file(
            rows, file, runtime.customer, read=read, progress=lambda done: report(kind, done, total)
        )
    if as_json:
        _print_json(asdict(result))
    else:
        out.print(f"{result.created} created, {result.unchanged} there already, {result.rejected} rejected")
    if result.rejected:
        err.print(f"rejected rows and reasons: {result.rejects_file}", soft_wrap=True)
        raise typer.Exit(FAILED)


@app.command(epilog="Example: kontor bill --debtor D-4711 --date 2026-02-28 --wait")
def bill(
    debtor: Annotated[
        str | None, typer.Option(help="Debtor ident of the one customer to bill; without it: all.")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="Bill up to the end of this day; without it: now."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Return when the run is completed, with what it did.")
    ] = False,
    as_json: AS_JSON = False,
) -> None:
    """Request a billing run; a running `kontor serve` or `kontor billing` carries it out."""
    from infra.billing_runs import complete, request
    from infra.terminal import progress, show_run

    with _runtime("bill") as runtime:
        requested = request(runtime, debtor, day.date() if day else None)
        if not wait:
            _print_json(requested) if as_json else out.print(f"requested: {requested['billingRunId']}")
            return
        with progress(err) as report:
            run = complete(runtime, requested["billingRunId"], report)
    _print_json(run) if as_json else show_run(out, run)
    if run["status"] != "COMPLETED":
        raise typer.Exit(FAILED)


@app.command(epilog="Example: kontor purge")
def purge(as_json: AS_JSON = False) -> None:
    """Rid the database's files of what was erased; a running `kontor serve` or `kontor project` does so by itself."""
    from infra.purge import purge as run

    with _runtime("purge") as runtime:
        purged = run(runtime.database.owner_url, runtime.feeds, runtime.vault)
    if as_json:
        _print_json(asdict(purged))
        return
    out.print(f"purged {purged.customers} erased customers")
    if purged.waiting:
        out.print(f"{purged.waiting} more as soon as the customer overview has taken in their erasure")


@documents.command("export", epilog="Example: kontor documents export --run 0197… --to invoices --xml")
def export_documents(
    directory: Annotated[Path, typer.Option("--to", file_okay=False, help="Directory, made when missing.")],
    run_id: Annotated[UUID | None, typer.Option("--run", help="Only the documents of this run.")] = None,
    debtor: Annotated[str | None, typer.Option(help="Only those of the customer with this ident.")] = None,
    number: Annotated[str | None, typer.Option(help="Only the document with this number.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Issued on this day or later.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Issued on this day or earlier.")
    ] = None,
    xml: Annotated[
        bool, typer.Option("--xml", help="Also the XML, in the format that the customer asked for.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="Also the XML, in this format for all.")
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Write documents as PDF, and XML if asked for, with a manifest of their hashes; without a choice: all.

    Stopped in the middle, start it again: what is there with the right bytes stays. Exit code 1 when a file is missing.
    """
    from infra.exports import MANIFEST, Wanted, export
    from infra.terminal import progress
    from services.billing.api.documents import FORMATS

    wanted = Wanted(
        billing_run_id=run_id,
        debtor_ident=debtor,
        number=number,
        issued_from=first.date() if first else None,
        issued_until=last.date() if last else None,
        xml=xml,
        form=FORMATS[form] if form else None,
    )
    with _runtime("export") as runtime, progress(err) as report:
        result = export(runtime, wanted, directory, report)
    if as_json:
        _print_json(asdict(result) | {"manifest": directory / MANIFEST})
    else:
        out.print(
            f"{result.documents} documents: {result.written} files written, {result.unchanged} there already"
        )
    for refusal in result.failed:
        err.print(f"{refusal.number}: {refusal.reason}", soft_wrap=True, markup=False)
    if result.failed:
        raise typer.Exit(FAILED)


@documents.command("retry", epilog="Example: kontor documents retry")
def retry_documents() -> None:
    """Have parked documents rendered again, after what kept them from it was repaired."""
    with _runtime("retry") as runtime:
        again = runtime.billing.retry_parked_documents(also_unended=True)
    out.print(f"{again} parked documents are rendered again")


# -- looking ------------------------------------------------------------------------------------


@app.command(epilog="Example: kontor status --json | jq '.projections[].lag'")
def status(as_json: AS_JSON = False) -> None:
    """Show how far projections and rendering are; exit code 1 when events or documents are parked."""

    from infra.terminal import show_status

    with _runtime("status") as runtime:
        found = runtime.views.status() | {"rendering": runtime.billing.rendering_status()}
    if as_json:
        _print_json(found)
    else:
        show_status(out, found)
    if any(row["parked"] for row in found["projections"]) or found["rendering"]["parkedDocuments"]:
        raise typer.Exit(FAILED)


@app.command(epilog="Example: KONTOR_PORT=8080 kontor settings")
def settings(
    as_json: AS_JSON = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page of the documentation.")
    ] = False,
) -> None:
    """List all settings with their values, where those come from, and what is allowed."""
    described = Settings.load().describe()
    if as_json:
        _print_json([asdict(setting) for setting in described])
        return
    if markdown:
        print(as_markdown(described), end="")  # noqa: T201
        return
    for setting in described:
        value = "not set" if setting.value is None else setting.value
        out.print(
            f"[bold]{setting.variable}[/bold] = {escape(str(value))}  [dim]({setting.source})[/dim]",
            soft_wrap=True,
        )
        out.print(f"  {setting.meaning} Allowed: {setting.allowed}.", soft_wrap=True)


@audit.command(epilog="Example: kontor audit replay")
def replay(as_json: AS_JSON = False) -> None:
    """Rebuild every view from the events and compare, row by row; exit code 1 when something differs."""
    from infra.audit import replay as compare

    with _runtime("audit") as runtime:
        differences = compare(runtime)
    if as_json:
        _print_json([asdict(difference) for difference in differences])
    else:
        out.print("\n".join(map(str, differences)) or "no difference", soft_wrap=True, markup=False)
    if differences:
        raise typer.Exit(FAILED)


@projections.command(epilog="Example: kontor projections retry history")
def retry(
    name: Annotated[str, typer.Argument(help="Name of the projection, see `kontor status`.")],
) -> None:
    """Apply the parked events of a projection again, after what they stumbled over was repaired."""
    from projections.runner import Runner

    with _runtime("retry") as runtime:
        applied = Runner(runtime.projections_pool, runtime.feeds, runtime.vault).retry_parked(name)
    out.print(f"{applied} parked events of {name} are applied")


@projections.command(epilog="Example: kontor projections rebuild customer_overview")
def rebuild(
    name: Annotated[str, typer.Argument(help="Name of the projection, see `kontor status`.")],
) -> None:
    """Rebuild a projection from the events beside the live one, then swap them."""
    from projections.rebuild import rebuild as run

    with _runtime("rebuild") as runtime:
        reached = run(name, runtime.database.owner_url, runtime.feeds, runtime.vault)
    out.print(
        f"{name} is rebuilt up to {', '.join(f'{source} {position}' for source, position in reached.items())}"
    )


@kafka.command(epilog="Example: kontor dev kafka up --brokers 3")
def up(
    brokers: Annotated[int, typer.Option(min=1, max=9, help="How many brokers form the cluster.")] = 1,
    port: Annotated[
        int, typer.Option(min=0, max=65_000, help="First port of a new cluster; 0: any that are free.")
    ] = 9092,
) -> None:
    """Start a Kafka cluster with its data in KONTOR_DATA_DIR, and print what KONTOR_KAFKA is to be set to."""
    from infra.kafka.broker import up as start

    print(f"KONTOR_KAFKA={start(_settings('kafka').data_dir, brokers, port)}")  # noqa: T201


@kafka.command(epilog="Example: kontor dev kafka down --delete")
def down(
    delete: Annotated[bool, typer.Option("--delete", help="Remove the cluster's data as well.")] = False,
) -> None:
    """Stop the Kafka cluster of KONTOR_DATA_DIR."""
    from infra.kafka.broker import down as stop

    stopped = stop(_settings("kafka").data_dir, delete=delete)
    out.print("stopped" if stopped else "there is no cluster")


# -- how commands start and end -----------------------------------------------------------------


def _settings(process: str) -> Settings:
    loaded = Settings.load()
    logs.configure(loaded.log_level, process)
    return loaded


def _part(process: str) -> Settings:
    """The start of what `kontor serve` runs, alone or as its child."""
    exit_on_stop()
    exit_with_parent()
    return _settings(process)


def _runtime(process: str) -> "AbstractContextManager[Runtime]":
    """A runtime to work with; the embedded database is brought up to date, a server of yours by `kontor migrate`."""
    from infra.postgres.embedded import SERVICE_ROLE
    from infra.postgres.pool import connect
    from infra.runtime import Runtime

    loaded = Settings.load()
    # Who only asks something is not told how the database was started.
    logs.configure("warning" if loaded.log_level == "info" else loaded.log_level, process)
    if loaded.database_url:
        connect(
            loaded.database_url, role=SERVICE_ROLE
        ).close()  # fails at once where pools would go on trying
    return Runtime.open(loaded, migrating=loaded.database_url is None)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, default=str, indent=2))  # noqa: T201


def main() -> None:
    """Run the command; what a person can do something about is one line on standard error."""
    try:
        app(prog_name="kontor")
    except SettingsError as error:
        _fail(str(error), WRONG_USAGE)
    except Exception as error:
        if (sentence := _for_people(error)) is None:
            raise
        _fail(sentence, FAILED)


def _for_people(error: Exception) -> str | None:
    """What a person can do something about, in a sentence; None for our own mistakes."""
    import psycopg

    from infra.exports import ExportFailed
    from infra.kafka.broker import BrokerError
    from infra.kafka.programs import KafkaProgramsMissing
    from infra.master_key import MasterKeyError
    from infra.postgres.account import AccountError
    from infra.postgres.cluster import ClusterError
    from infra.postgres.embedded import EmbeddedPostgresError
    from infra.postgres.migrate import MigrationError
    from infra.serve import NotReady
    from services.errors import KontorError

    unprepared = isinstance(error, psycopg.errors.UndefinedTable) or 'role "kontor_service"' in str(error)
    if unprepared and isinstance(error, psycopg.Error):
        return f"{error}\nThe database is not prepared for this version: run `kontor migrate`."
    ours = (
        AccountError,
        BrokerError,
        ClusterError,
        EmbeddedPostgresError,
        ExportFailed,
        KafkaProgramsMissing,
        KontorError,
        MasterKeyError,
        MigrationError,
        NotReady,
    )
    theirs = (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege)
    return str(error) if isinstance(error, (*ours, *theirs)) else None


def _fail(message: str, code: int) -> NoReturn:
    err.print(f"[bold red]kontor:[/bold red] {escape(message)}", soft_wrap=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
