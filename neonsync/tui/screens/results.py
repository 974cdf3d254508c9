"""Results: what a run came to, what went wrong first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import DataTable, Static

from neonsync.tui.again import branch_again
from neonsync.tui.colours import style_of
from neonsync.tui.glyphs import run_sign
from neonsync.tui.ports import BranchRow, RunReport
from neonsync.tui.results_view import (
    ResultRow,
    again,
    detail_text,
    only_days,
    results_view,
)
from neonsync.tui.run_lines import short_id
from neonsync.tui.screens.base import View
from neonsync.tui.screens.reading import Reading
from neonsync.tui.screens.result_table import cells, layout, name_width, pane_width, styled
from neonsync.tui.screens.write_reports import WriteReports
from neonsync.tui.widgets.panel import Failure, StatePanel
from neonsync.tui.widgets.rows import Rows


class ResultsScreen(View):
    """What a run came to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "failed_only", "Failed only", id="results.failed"),
        Binding("enter", "detail", "Detail", show=False, id="results.detail"),
        Binding("w", "write", "Write", id="results.write"),
        Binding("y", "copy", "Copy", id="view.copy"),
        Binding("o", "open_page", "Page", id="results.page"),
        Binding("R", "sync_again", "Re-sync", id="results.again"),
    ]
    DEFAULT_CSS = """
    ResultsScreen #verdict { text-style: bold; }
    ResultsScreen #error { height: auto; max-height: 7; padding: 0 1; display: none; }
    ResultsScreen #facts { height: auto; color: $text-muted; padding: 0 1; text-wrap: nowrap;
                           text-overflow: ellipsis; }
    ResultsScreen #message { color: $text-muted; }
    ResultsScreen.-wide #message { display: none; }
    ResultsScreen .pane { height: 1fr; }
    """
    HELP = (
        "Before a run publishes, it proves that staging holds what Athena counted, date by date. "
        "After it, checks look at each table: EXPECTED is what Athena has, or what the check "
        "wants; MEASURED is what the branch has, DIFF the one less the other. quality expects "
        "what the last runs had, target_digest the dates that were proved; the detail of a row "
        "says which.\n\n"
        "fail: the check found what should not be. warn: worth a look. pass: as it should be. "
        "done: a published table; its detail tells how. note: something the run wanted to tell.\n\n"
        "R opens the plan with the failed tables, and with the days on which a proof found other "
        "counts; nothing begins before one starts it there. o opens the page of the run."
    )

    def __init__(self, report: RunReport) -> None:
        super().__init__()
        self._report = report
        self._view = results_view(report)
        self._failed_only = False

    def body(self) -> ComposeResult:
        """The verdict, the facts, the rows, the one that is chosen."""
        yield Static(id="verdict", classes="line", markup=False)
        yield Static(id="error", markup=False)
        yield Static(id="facts", markup=False)
        with Horizontal():
            yield Rows(*layout(0), id="results")
            yield StatePanel()
            with VerticalScroll(classes="pane", id="pane", can_focus=False):
                yield Static(id="detail", markup=False)
        yield Static(id="message", classes="line", markup=False)

    def crumbs(self) -> list[str]:
        """The branch, the run."""
        branch = str((self._report.report.get("branchInfo") or {}).get("name", ""))
        name = f"run {short_id(self._report.run_id)}".strip()
        return [*([branch] if branch else []), name, "results"]

    def on_mount(self) -> None:
        """Draw it; the keys are the table's."""
        self.query_one(Rows).focus()
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        """Names get what room there is."""
        self.query_one(Rows).set_layout(*layout(event.size.width))
        self.query_one("#pane").styles.width = pane_width(event.size.width)
        self._draw()

    def action_failed_only(self) -> None:
        """What failed alone, or all."""
        self._failed_only = not self._failed_only
        self._draw()

    def action_detail(self) -> None:
        """The row, whole."""
        row = self._chosen()
        if row is not None:
            what = f"the detail of {row.check}"
            self.app.push_screen(Reading(row.check, styled(row), what))

    def action_copy(self) -> None:
        """The detail of the row."""
        row = self._chosen()
        if row is not None:
            self.ui.copy(detail_text(row), f"the detail of {row.check}")

    def action_write(self) -> None:
        """Ask where to, and write the reports there."""

        def answered(directory: str | None) -> None:
            if directory is not None:
                self.fetch(
                    lambda: self.ui.services.sync.write_reports(
                        self._report, Path(directory).expanduser()
                    ),
                    self._written,
                    self._told,
                    group="write",
                )

        self.app.push_screen(WriteReports(str(self._report.directory or "reports")), answered)

    def action_open_page(self) -> None:
        """The report's page in a browser; where there is none, where the files are."""
        self.fetch(
            lambda: self.ui.services.sync.html(self._report),
            self._open,
            self._told,
            group="page",
        )

    def action_sync_again(self) -> None:
        """The plan of this run, with the tables that failed."""
        from neonsync.selection import Selection, from_arguments

        services, report, view = self.ui.services, self._report, self._view
        branch = report.report.get("branchInfo") or {}

        def look() -> tuple[BranchRow, Selection]:
            selection = from_arguments(report.command, services.sync.base())
            selection = again(selection, view)
            # Whether it is protected is asked anew: it may have become so.
            branches = services.branches.load().branches
            name, branch_id = (str(branch.get(key) or "") for key in ("name", "id"))
            row = branch_again(branch_id, name, selection, branches)
            return row, replace(selection, branch=row.name)

        def done(plan: tuple[BranchRow, Selection]) -> None:
            if self.is_active:  # else one has gone on to something else
                self.ui.open_plan(*plan)
                if view.repair is not None:
                    self.notify(only_days(view.repair), markup=False, timeout=15)

        self.fetch(look, done, self._told, group="again")

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        self.action_detail()

    @on(DataTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._draw_chosen()

    def _draw(self) -> None:
        view, ascii_only = self._view, self.ui.preferences.ascii_only
        sign = run_sign(view.status)
        glyph = sign.ascii if ascii_only else sign.glyph
        verdict = Text(" ").append(f"{glyph} {view.word}", self._style(sign.style))
        code = f"   exit code {view.exit_code}" if view.exit_code else ""
        verdict.append(f"  {view.counts}   {view.took}{code}", "not bold")
        self.query_one("#verdict", Static).update(verdict)
        errors = self.query_one("#error", Static)
        errors.update(self._errors())
        errors.display = bool(errors.visual)
        facts = [view.proof, view.published, view.price]
        self.query_one("#facts", Static).update(Text("\n".join(filter(None, facts))))
        rows = view.failed if self._failed_only else view.rows
        width = name_width(self.size.width)
        table, panel = self.query_one(Rows), self.query_one(StatePanel)
        table.show(
            [(row.key, cells(row, width, self._style, ascii_only=ascii_only)) for row in rows]
        )
        table.display = bool(rows)
        if rows:
            panel.clear()
        elif self._failed_only:
            panel.empty("Nothing has failed.", "f shows all again")
        else:
            panel.empty("The run left no results.", "esc back")
        self._draw_chosen()

    def _draw_chosen(self) -> None:
        row = self._chosen()
        self.query_one("#detail", Static).update(styled(row) if row is not None else Text(""))
        said = f" enter: detail │ {row.message or row.check}" if row is not None else ""
        self.query_one("#message", Static).update(Text(said))

    def _errors(self) -> Text:
        """What has ended the run, with what to do: not only for whoever opens its row."""
        text = Text()
        for row in self._view.rows:
            if row.kind == "error":
                text.append("\n" if text else "").append(row.message, "bold")
                text.append(f"\n{row.remedy}" if row.remedy else "")
        return text

    def _chosen(self) -> ResultRow | None:
        key = self.query_one(Rows).selected_key
        return next((row for row in self._view.rows if row.key == key), None)

    def _written(self, files: tuple[Path, ...]) -> None:
        self.notify("Wrote " + ", ".join(map(str, files)), markup=False)

    def _open(self, page: Path | None) -> None:
        if page is not None:
            self.app.open_url(page.as_uri())
            self.notify(f"The page is {page}", markup=False)
        elif self._report.directory is not None and self._report.run_id:
            self.notify(
                f"There is no page; the reports are in {self._report.directory}", markup=False
            )
        else:
            self.notify("There is no page of this run; w writes its reports", markup=False)

    def _told(self, failure: Failure) -> None:
        remedy = f"\n{failure.remedy}" if failure.remedy else ""
        self.notify(failure.message + remedy, severity="error", markup=False, timeout=15)

    def _style(self, name: str) -> str:
        return style_of(name, self.app.current_theme)
