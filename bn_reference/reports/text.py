"""A report as text: header, table, what was not asked, causes, verdict. Coloured on a terminal, plain elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bn_reference.properties import PROPERTIES
from bn_reference.reports.abilities import say_capabilities
from bn_reference.reports.accepted import in_the_way, say_accepted, say_advice, say_in_the_way
from bn_reference.reports.asides import Aside, asides_of
from bn_reference.reports.entry import Brief, some_of
from bn_reference.reports.lawful import accepting, but_for, facts_of, say_keepers
from bn_reference.reports.lives import lives_of
from bn_reference.reports.marks import STATUSES, Marks
from bn_reference.reports.part import Part
from bn_reference.reports.reached import say_reached
from bn_reference.reports.results import Result
from bn_reference.reports.sentences import say_fact
from bn_reference.reports.streams import print_suitably
from bn_reference.reports.table import table
from bn_reference.reports.verdict import SHOW_Y, Verdict
from bn_reference.reports.violations import print_violations

__all__ = ["as_text", "in_one_line", "print_report", "verdict_line"]

VERSIONS = ("torch", "numpy", "ml_dtypes", "hypothesis", "python", "bn-reference")
HOLLOW = "nothing of weight was verified: the output was never held against the truth with power"
NOTHING = "no rule was verified by any example"
ALL_PARTS = "bn-reference merge gives the verdict of all parts"
MARKED = {"passed": "bold green", "violated": "bold red", "unsupported": "bold"}
USUAL_ROWS, USUAL_CHANNELS = 2**13, 300  # of the cases that are drawn
IMPLIED = frozenset(property.name for property in PROPERTIES if property.implied_by)


def print_report(report: Verdict, console: Console, *, everything: bool = False) -> None:
    """Print the report; a short one, where not ``everything`` is asked for."""
    print_suitably(lambda suitable: _print(report, suitable, everything), console)


def as_text(report: Verdict) -> str:
    """The report as it is printed into a pipe."""
    stream = StringIO()
    print_report(report, Console(file=stream, force_terminal=False))
    return stream.getvalue()


def in_one_line(report: Verdict) -> str:
    """The verdict line, without its mark."""
    return verdict_line(report, Marks(pretty=False)).plain.partition(" ")[2]


def _print(report: Verdict, console: Console, everything: bool) -> None:
    marks, brief = Marks.of(console), Brief.ALL if everything else Brief.SHORT
    console.print(_heading(report))
    console.print()
    if report.results:
        console.print(table(report.results, console, marks, everything=everything))
        console.print()
    asides = [*_accepted(report), *asides_of(report.results, report.capabilities)]
    for title, where in (_aside(aside, marks, brief) for aside in asides):
        console.print(title)
        console.print(Padding(Text(where, style="dim"), (0, 0, 0, 2)))
    if asides:
        console.print()
    for line in (*_lawful(report, marks), *_in_the_way(report, marks)):
        console.print(line)
    print_violations(report, console, marks, everything=everything)
    if (minutes := report.options.get("minutes")) is not None:
        console.print(Text(say_reached(report.results, minutes), style="dim"), soft_wrap=not console.is_terminal)
    if (lives := lives_of(report.results)) and not report.interrupted:
        console.print(Text(lives, style="dim"), soft_wrap=not console.is_terminal)
    console.print(verdict_line(report, marks), soft_wrap=not console.is_terminal)  # whoever searches finds it in one line


def verdict_line(report: Verdict, marks: Marks) -> Text:
    """What it all comes to."""
    counts: Counter[str] = Counter(result.status for result in report.results)
    said = ", ".join(f"{counts[status]} {_plural(status, counts[status])}" for status in STATUSES if counts[status])
    seconds = f"{report.seconds:.1f} s"
    if report.interrupted:
        found = f"; so far: {said}" if said else ", before anything was found"
        return Text.assemble((f"{marks.stop} interrupted", "bold yellow"), f" after {seconds}{found}")
    if report.part is not None:
        return _of_a_part(report, report.part, marks, f"{said}, in {seconds}")
    if report.conforms:
        title = (f" {report.target} conforms{_but_for_accepted(report)}", "bold green")
        return Text.assemble(marks["passed"], title, f": {_verified(report)}, {said}, in {seconds}")
    if report.other_conventions and not report.violations and not report.hollow and not in_the_way(report.accepted):
        facts = facts_of(report.demanded, report.conventions)
        title = (f" {report.target} conforms but for {but_for(facts)}", "bold red")
        accept = f" (--convention {accepting(report.conventions)} accepts it)"
        return Text.assemble(marks["violated"], title, accept, f": {_verified(report)}, {said}, in {seconds}")
    if not report.violations and not report.hollow:
        gone = len(in_the_way(report.accepted))
        title = (f" {report.target} does not conform, for {gone} {_entries(gone)} accepted no more", "bold red")
        return Text.assemble(marks["violated"], title, f": {_verified(report)}, {said}, in {seconds}")
    if not report.violations:
        why = HOLLOW if any(result.property in SHOW_Y for result in report.results) else NOTHING
        title = (f" {report.target} does not conform, for {why}", "bold red")
        return Text.assemble(marks["violated"], title, f": {said or 'no results'}")
    broken = len({result.property for result in report.violations})
    rules = f"{broken} of {len({result.property for result in report.results})} rules"
    causes = f", {len(report.causes)} {'cause' if len(report.causes) == 1 else 'causes'}" if report.causes else ""
    title = (f" {report.target} violates {rules}", "bold red")
    return Text.assemble(marks["violated"], title, f"{causes}: {said}, in {seconds}")


def _of_a_part(report: Verdict, part: Part, marks: Marks, said: str) -> Text:
    """What speaks against the target in a part; where nothing does, no more."""
    against = []
    if broken := len({result.property for result in report.violations}):
        causes = f"{len(report.causes)} {'cause' if len(report.causes) == 1 else 'causes'}"
        against.append(f"{broken} of {len({result.property for result in report.results})} rules violated, {causes}")
    if facts := facts_of(report.demanded, report.conventions):
        against.append(f"another convention, {but_for(facts)} (--convention {accepting(report.conventions)} accepts it)")
    if gone := len(in_the_way(report.accepted)):
        against.append(f"{gone} {_entries(gone)} accepted no more")
    mark = "violated" if against else "passed" if any(result.examples for result in report.results) else "unsupported"
    found = (f" {report.target}, {part}: {'; '.join(against) or 'nothing speaks against it here'}", MARKED[mark])
    return Text.assemble(marks[mark], found, f": {_verified(report)}, {said}; {ALL_PARTS}")


def _verified(report: Verdict) -> str:
    """How many rules it rests on; what follows from others is no weight of its own."""
    verified, of = report.verified
    implied = len({result.property for result in report.results if result.examples and result.property in IMPLIED})
    follow = f" ({implied} of them {'follows' if implied == 1 else 'follow'} from others)" if implied else ""
    return f"verified {verified} of {of} {'rule' if of == 1 else 'rules'}{follow}"


def _but_for_accepted(report: Verdict) -> str:
    """What it conforms but for, where something is accepted that was met."""
    met = sum(bool(standing.met) for standing in report.accepted)
    return f" but for {met} accepted {'deviation' if met == 1 else 'deviations'}" if met else ""


def _entries(count: int) -> str:
    return "deviation that is" if count == 1 else "deviations that are"


def _plural(status: str, count: int) -> str:
    return f"{status}s" if status == "known deviation" and count != 1 else status


def _heading(report: Verdict) -> Text:
    """What was verified, with what, by whose rules, and how to do it again."""
    devices = ", ".join(dict.fromkeys(result.device for result in report.results))
    examples = report.options.get("examples") or max((result.examples for result in report.results), default=0)
    minutes = report.options.get("minutes")
    versions = [f"{name} {report.environment[name]}" for name in VERSIONS if name in report.environment]
    versions += [report.environment["platform"]] if "platform" in report.environment else []
    budget = f", up to {examples} examples a property and pair of dtypes{_large(report)}" if examples else ""
    budget = budget if minutes is None else f", as many examples as fit into {minutes:g} min{_large(report)}"
    lines = [", ".join(versions)]
    lines += [f"cases: {report.environment['cases']}"] if "cases" in report.environment else []
    lines += [f"seed {report.seed}{budget}"]
    lines += [f"{report.part} of the rules and pairs of dtypes; {ALL_PARTS}"] if report.part is not None else []
    lines += say_capabilities(report.target, report.capabilities)
    heading = Text.assemble((report.target, "bold"), f" on {devices}" if devices else "", ("\n" + "\n".join(lines), "dim"))
    for note in report.notes:
        heading.append(f"\nnote: {note}", style="yellow")
    return heading


def _large(report: Verdict) -> str:
    """How large the largest cases were, where there were any beside those drawn."""
    rows, channels = (max((result.largest[axis] for result in report.results), default=0) for axis in (0, 1))
    return f" and large ones: to {rows:,} rows, {channels:,} channels" if rows > USUAL_ROWS or channels > USUAL_CHANNELS else ""


def _lawful(report: Verdict, marks: Marks) -> Iterable[Text]:
    """The entry of other conventions than those demanded; everything else is judged by what was found."""
    for fact in facts_of(report.demanded, report.conventions):
        keepers = say_keepers(fact)
        yield Text.assemble(
            marks["violated"], (" another convention: ", "bold"), say_fact(fact), f", {keepers}" if keepers else ""
        )
    if report.other_conventions:
        yield Text(
            f"everything else is judged by what it keeps; --convention {accepting(report.conventions)} accepts it\n",
            style="dim",
        )


def _accepted(report: Verdict) -> list[Aside]:
    """Each accepted deviation, with the results that met it."""
    met = [standing for standing in report.accepted if standing.met]
    return [Aside("accepted", "accepted", say_accepted(each.acceptance), each.met) for each in met]


def _in_the_way(report: Verdict, marks: Marks) -> Iterable[Text]:
    """Each that is accepted no more."""
    for standing in in_the_way(report.accepted):
        said = f"{say_in_the_way(standing)}; {say_advice(standing)}\n"
        yield Text.assemble(marks["violated"], (" accepted no more: ", "bold"), said)


def _aside(aside: Aside, marks: Marks, brief: Brief) -> tuple[Text, str]:
    """What it is, and where."""
    return Text.assemble(marks[aside.status], f" {aside.title}: ", aside.reason), _where(aside.results, brief)


def _where(results: Sequence[Result], brief: Brief) -> str:
    names = list(dict.fromkeys(result.property.replace("_", " ") for result in results))
    return f"{len(results)} {'result' if len(results) == 1 else 'results'}: {some_of(names, brief)}"
