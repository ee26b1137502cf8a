"""The pytest plugin: what is asked for, the rules among the tests that are collected, and how they are told.

It is loaded in every run of pytest wherever the package is installed, so nothing heavy is imported but in hooks that need it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from bn_reference.plugin.groups import name_groups
from bn_reference.plugin.options import MARK, NAME, SEED, Options, add_options, options_of, received, require_files, sent

if TYPE_CHECKING:
    from bn_reference.plugin.session import Session

PREFIX = f"{NAME}::"  # of what the rules are called, which is the path of no file
PLAN = pytest.StashKey["Plan"]()
ABOUT_THE_MARK = f"{MARK}(target, rules, given): the test is run for each rule; bn_reference.parametrize_with_rules makes it"


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        options: what was asked for.
        ids: of rules that were named one by one.
        rules: whether there are rules beside the project's own tests.
    """

    options: Options
    ids: tuple[str, ...]
    rules: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--bn-target`` and what narrows it down."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """What is run: with a target its rules, and the project's own tests but where rules alone are named.

    Raises:
        UsageError: nothing can be verified with these options.
    """
    config.addinivalue_line("markers", ABOUT_THE_MARK)
    if hasattr(config, "workerinput"):  # of pytest-xdist, whose controller has looked at the command line
        values, ids, rules, own, _ = config.workerinput[NAME]
        options = received(values)
    else:
        options = options_of(config)
        ids, rules, own = _named(config, options)
        options = replace(options, named=_seeds_of(ids))
    config.stash[PLAN] = Plan(options, tuple(ids), rules)
    config.args[:] = [argument for argument in config.args if argument not in ids] if own else []


def _named(config: pytest.Config, options: Options) -> tuple[list[str], bool, bool]:
    """The ids of rules that are named, whether there are rules at all, and whether there are own tests."""
    explicit = config.args_source is pytest.Config.ArgsSource.ARGS
    ids = [argument for argument in config.args if argument.startswith(PREFIX)]
    if ids and not options.targets:
        raise pytest.UsageError(f"{ids[0]} is the id of a rule, but there is no --bn-target; give it as well")
    own = [argument for argument in config.args if argument not in ids]
    typed = any(argument.startswith("--bn-target") for argument in config.invocation_params.args if isinstance(argument, str))
    single = explicit and bool(own) and not ids and all("::" in argument for argument in own)  # tests named one by one
    if not options.targets or (single and not typed):
        return ids, False, True
    return ids, True, bool(own) if explicit else not options.alone


def _seeds_of(ids: Iterable[str]) -> tuple[int, ...]:
    """The seeds that ids say."""
    said = [part.removeprefix(SEED) for name in ids for part in name.split("::")[2:3] if part.startswith(SEED)]
    return tuple(int(number) for number in said if number.isdecimal())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a gateway of pytest-xdist what is run, and whether what it sees was looked at."""
    from bn_reference.plugin.gateways import is_like_here

    config = node.config
    plan = config.stash[PLAN]
    here = is_like_here(node.gateway.spec)
    node.workerinput[NAME] = sent(plan.options), list(plan.ids), plan.rules, bool(config.args), here


def pytest_report_header(config: pytest.Config) -> str | None:
    """What is under test, and the seed."""
    plan = config.stash[PLAN]
    if not plan.rules:
        return None
    targets, options = ", ".join(plan.options.targets), plan.options
    seeds = options.seeds_of_ids or (options.seed,)
    said = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds from {seeds[0]} to {seeds[-1]}"
    return f"bn_reference: {targets} on {options.device}, {said} (--hypothesis-seed N for another)"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Targets that cannot be loaded are found before anything is run.

    Raises:
        UsageError: one of them cannot be.
    """
    config = session.config
    if not hasattr(config, "workerinput") and not config.pluginmanager.hasplugin("dsession"):
        _require_usable(config)


def _require_usable(config: pytest.Config) -> None:
    """Raises UsageError where a target cannot be loaded here."""
    if not config.stash[PLAN].rules or config.option.collectonly:
        return
    from bn_reference.targets.protocol import UnusableTarget

    try:
        _session(config).require_usable()
    except UnusableTarget as unusable:
        raise pytest.UsageError(f"--bn-target: {unusable}") from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Iterable[Any]) -> None:
    """What gateways see that are like here is found out before there is one of them.

    Raises:
        UsageError: a target cannot be loaded.
    """
    from bn_reference.plugin.gateways import is_like_here

    if config.stash[PLAN].rules and any(map(is_like_here, specs)):
        _require_usable(config)
        _session(config).end()  # the gateways ask for the verdicts


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """A gateway that is elsewhere ends where it cannot use what it is to try."""
    plan, input = session.config.stash[PLAN], getattr(session.config, "workerinput", None)
    if input is None or not plan.rules or input[NAME][-1]:
        return
    from bn_reference.plugin.gateways import refuse

    try:
        require_files(plan.options)
        _require_usable(session.config)
    except pytest.UsageError as unusable:
        refuse(session.config, str(unusable))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Raises UsageError where a gateway could not use what it was to try."""
    from bn_reference.plugin.gateways import refused

    if why := refused(node):
        raise pytest.UsageError(why)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where the command line says nothing else, rules that share their cases are dealt out together."""
    if config.option.dist != "load" or not config.stash[PLAN].rules:
        return None
    from bn_reference.plugin.gateways import Units

    return Units(config, log)


def _session(config: pytest.Config) -> Session:
    from bn_reference.plugin.session import SESSION, Session

    if SESSION not in config.stash:
        several = hasattr(config, "workerinput")
        config.stash[SESSION] = Session(config.stash[PLAN].options, one_of_several=several)
        config.add_cleanup(config.stash[SESSION].end)
    return config.stash[SESSION]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The rules stand beside whatever else a session collects."""
    report = yield
    if isinstance(collector, pytest.Session) and report.passed and collector.config.stash[PLAN].rules:
        from bn_reference.plugin.rules import Rules

        _session(collector.config)
        report.result = [*report.result, Rules.from_parent(collector, name=NAME, nodeid=NAME)]
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that ``parametrize_with_rules`` has marked is run for each rule."""
    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is None:
        return
    from bn_reference.plugin.parametrize import parameters

    config = metafunc.config
    grouped = config.pluginmanager.hasplugin("xdist")
    metafunc.parametrize("rule", parameters(_session(config), metafunc.definition.nodeid, mark, grouped=grouped))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of rules that were named one by one, those.

    Raises:
        UsageError: there is no such rule.
    """
    ids = [name.partition("@")[0] for name in config.stash[PLAN].ids]  # of pytest-xdist's group
    if not ids:
        return
    rules = [item.nodeid for item in items if item.nodeid.startswith(PREFIX)]
    for name in ids:
        if not any(_is_of(rule, name) for rule in rules):
            raise pytest.UsageError(f"there is no rule {name}; pytest --collect-only -q shows the ids of those there are")
    items[:] = [item for item in items if not item.nodeid.startswith(PREFIX) or any(_is_of(item.nodeid, name) for name in ids)]


def _is_of(rule: str, name: str) -> bool:
    return rule == name or rule.startswith(f"{name}::")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """What is asked of the same cases is tried together."""
    name_groups(item for item in session.items if item.nodeid.startswith(PREFIX) or item.get_closest_marker(MARK))
    for item in session.items:
        if item.nodeid.startswith(PREFIX):
            _session(session.config).choose(item.target, item.asked)  # type: ignore[attr-defined]
        elif item.get_closest_marker(MARK) is not None:
            rule = item.callspec.params["rule"]  # type: ignore[attr-defined]
            rule.session.choose(rule.key, rule.asked)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A rule took what it took by itself, however long the test waited for what it shares with others."""
    seconds = getattr(item, "seconds", None) if item.nodeid.startswith(PREFIX) else None
    if call.when == "call" and seconds is not None:
        call.duration = seconds
