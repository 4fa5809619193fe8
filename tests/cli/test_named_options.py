"""Options that messages name are options of the command that prints them, or of one that they name before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from brainscore_cornet.cli.main import command_line

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z_-]*[a-z](?![\w{-])")
# in functions that several commands share
NOT_PRINTED = {
    ("test", "--allow-uninformative"): "it allows it",
    ("test", "--join"): "it computes no shards",
    ("test", "--shard"): "it joins no shards",
    ("validate", "--epochs"): "it has no run directory",
    ("validate", "--lr"): "it takes no step",
    **{
        ("test", option): "it has no workers"
        for option in ("--scheduler", "--tls-ca", "--tls-cert", "--tls-key", "--tls-")
    },
}


def commands(group=None, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Name -> command, such as `weights fetch`."""
    for name, command in (group or command_line()).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


@pytest.fixture(scope="module")
def source():
    """The text of the package, which is read here, since every worker imports this module and one runs its tests."""
    from helpers import reachable

    return reachable


COMMANDS = dict(commands())
OPTIONS = {
    name: {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    for name, command in COMMANDS.items()
}


def other_command(text: str, option: str) -> str:
    """The command that a text names just before an option, as in `weights fetch MODEL --no-verify`, or nothing."""
    named = [name for name in COMMANDS if re.search(rf"\b{name}( with)?( \S+)? {option}", text)]
    return max(named, key=len, default="")


@pytest.mark.parametrize("name", COMMANDS)
def test_options_in_messages_exist(name, source):
    """Every message that a command may print, wherever its text is, names options that can be given."""
    callback = COMMANDS[name].callback
    module = callback.__module__.removeprefix("brainscore_cornet.").replace(".", "/")
    wrong = {
        (option, function, text)
        for function in source.reachable(source.Function(module, callback.__qualname__))
        for text in source.texts_of(function)
        if " " in text.strip()  # else it is passed to a program
        for option in OPTION.findall(text)
        if option not in OPTIONS[other_command(text, option) or name] and (name, option) not in NOT_PRINTED
    }
    assert not wrong


@pytest.mark.parametrize(
    ("name", "module", "function"),
    [
        ("test", "features/image_sources", "_cannot_use"),
        ("features", "features/sharded", "join_shards"),
        ("score", "parallel/dask_cluster", "Cluster.check"),
        ("train", "training/module", "Learner.validation_step"),
        ("weights fetch", "cornet/weights/released", "mismatch"),
    ],
)
def test_messages_are_found(name, module, function, source):
    """Functions far from a command, of which some raise, are among those that it may call."""
    callback = COMMANDS[name].callback
    beginning = callback.__module__.removeprefix("brainscore_cornet.").replace(".", "/")
    start = source.Function(beginning, callback.__qualname__)
    assert source.Function(module, function) in source.reachable(start)
