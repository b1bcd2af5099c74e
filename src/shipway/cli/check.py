"""``shipway check``: what would fail, found in the files."""

from __future__ import annotations

import asyncio
import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from shipway.cli.options import Common, common, engine_option
from shipway.cli.probing import progress

if TYPE_CHECKING:
    from shipway.checks.finding import Severity
    from shipway.flows.check import Checked, CheckRequest

_FORMATS = ("text", "concise", "json", "sarif", "junit", "github", "gitlab", "rdjson", "markdown")


@dataclass(frozen=True, slots=True)
class Options:
    """What decides a check; see the help of each option."""

    images: tuple[str, ...]
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    fix: bool
    unsafe_fixes: bool
    diff: bool
    form: str
    category: str
    job_summary: Path | None
    fail_on: str
    explain: str | None
    baseline: str | None
    update_baseline: bool
    hadolint: bool
    live: bool
    engine: str

    def request(self) -> CheckRequest:
        """The options in the words of the flow. Raises UsageError for a rule that is none."""
        from shipway.checks.selection import Selection, parse_selectors
        from shipway.checks.table import known_selectors
        from shipway.flows.check import CheckRequest

        known = known_selectors()
        selection = Selection(
            parse_selectors(self.select, known), parse_selectors(self.ignore, known), frozenset(self.images)
        )
        mode = "diff" if self.diff else "fix" if self.fix or self.unsafe_fixes else "report"
        return CheckRequest(
            selection,
            cast("Any", mode),
            self.unsafe_fixes,
            self.baseline,
            self.update_baseline,
            self.hadolint,
        )


_OPTIONS = (
    click.argument("images", nargs=-1),
    click.option(
        "--select", multiple=True, metavar="RULES", help="These rules only: SW101, or SW1 for a family."
    ),
    click.option("--ignore", multiple=True, metavar="RULES", help="Leave these rules out."),
    click.option("--fix", is_flag=True, help="Mend what can be mended without changing what is built."),
    click.option("--unsafe-fixes", is_flag=True, help="Mend also where that may change what is built."),
    click.option(
        "--diff", is_flag=True, help="Print what the fixes would change, write nothing; exit 1 if anything."
    ),
    click.option(
        "--format",
        "form",
        type=click.Choice(_FORMATS),
        default="text",
        show_default=True,
        help="Form of the report.",
    ),
    click.option(
        "--category",
        default="shipway",
        show_default=True,
        help="Tells several SARIF reports of one commit apart.",
    ),
    click.option(
        "--job-summary",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="GITHUB_STEP_SUMMARY",
        help="With --format github: add a page in Markdown to this file.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["error", "warning", "info", "never"]),
        default="error",
        show_default=True,
        help="The least severe finding that gives exit code 1.",
    ),
    click.option("--explain", metavar="RULE", help="Print the page of a rule."),
    click.option(
        "--baseline", metavar="FILE", help="Known findings, by default .shipway-baseline.json if there."
    ),
    click.option("--update-baseline", is_flag=True, help="Write what is found now as known findings."),
    click.option(
        "--hadolint/--no-hadolint",
        default=True,
        help="Merge in what hadolint finds, where it is installed.  [default: on]",
    ),
    click.option(
        "--live", is_flag=True, help="Also look at registries, credentials and engine; nothing is left there."
    ),
    engine_option,
)


def _check_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command its options as one ``options`` argument."""

    @functools.wraps(function)
    def wrapper(common: Common, **options: Any) -> Any:
        return function(common=common, options=Options(**options))

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


@click.command("check")
@common
@_check_options
def command(common: Common, options: Options) -> None:
    """Find in a second what would fail in an hour, and mend what can be mended.

    IMAGES limits the findings to these. Needs no fleet file, runs no build, and asks registries and the
    engine only with --live.
    """
    from shipway.wiring import Workspace
    from shipway.wiring.checking import LiveRequest, check

    if options.explain is not None:
        from shipway.checks.pages import explain

        click.echo(explain(options.explain), nl=False)
        return
    request = options.request()
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        with progress(options.live and not common.quiet) as on_probed:
            live = LiveRequest(options.engine, on_probed) if options.live else None
            checked = asyncio.run(check(workspace, request, live))
        prefix = workspace.prefix()
    if options.diff:
        _show_diff(checked)
    else:
        _show(checked, "json" if common.as_json else options.form, prefix, options)
        _tell(checked, common)
    if _fails(checked, options):
        raise click.exceptions.Exit(1)


def _fails(checked: Checked, options: Options) -> bool:
    if options.diff:
        return bool(checked.changed)
    if options.fail_on == "never":
        return False
    return checked.result.reaches(cast("Severity", options.fail_on))


def _show_diff(checked: Checked) -> None:
    """The diff on standard output, what it amounts to on standard error."""
    from shipway.report.text import plural

    click.echo(checked.diff().encode("utf-8", errors="surrogateescape"), nl=False)
    would = (
        f"{plural(len(checked.mended), 'finding')} would be mended in {plural(len(checked.changed), 'file')}"
    )
    click.echo(would if checked.changed else "nothing would change", err=True)
    _tell_skipped(checked)


def _show(checked: Checked, form: str, prefix: str, options: Options) -> None:
    from shipway.report.findings.github import append_job_summary, job_summary
    from shipway.report.findings.presentation import Presentation
    from shipway.report.findings.table import FORMATS

    declaring = {each.place.path for image in checked.facts.fleet.images for each in image.declarations}
    presentation = Presentation(
        color=form == "text",
        width=min(shutil.get_terminal_size().columns, 110),
        files=tuple(sorted({*checked.facts.dockerfiles, *declaring})),
        prefix=prefix,
        category=options.category,
    )
    click.echo(FORMATS[form](checked.result, checked.facts.data, presentation), nl=False)
    if form == "github" and options.job_summary is not None:
        summary = job_summary(checked.result, checked.facts.data, presentation)
        append_job_summary(options.job_summary, summary)


def _tell(checked: Checked, common: Common) -> None:
    """What was written, on standard error, so that it never mixes with a report."""
    from shipway.report.text import plural

    if common.quiet:
        return
    if checked.changed:
        mended = plural(len(checked.mended), "finding")
        click.echo(f"mended {mended} in {', '.join(sorted(checked.changed))}", err=True)
    if checked.baseline is not None:
        click.echo(f"wrote {checked.baseline}: {plural(checked.result.baselined, 'known finding')}", err=True)
    _tell_skipped(checked)


def _tell_skipped(checked: Checked) -> None:
    for each in checked.skipped:
        click.echo(f"not mended: {each.finding.place} {each.finding.rule}: {each.reason}", err=True)
    if not checked.settled:
        click.echo("fixes keep undoing each other; what is there now is the last round", err=True)
