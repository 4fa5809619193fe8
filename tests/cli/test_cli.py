"""The command line: tables, errors in one line, and scores that are kept."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from helpers.commands import OFFLINE, run_here
from helpers.patience import PATIENCE

from brainscore_cornet.cli.main import command_line
from brainscore_cornet.cli.printed_scores import ResultLines, print_failures
from brainscore_cornet.cornet.commitments import COMMITMENTS
from brainscore_cornet.marques2020.protocols import OFFICIAL
from brainscore_cornet.scoring import EMBEDDED
from brainscore_cornet.scoring.results import Results, Row


def one_line_error(result: subprocess.CompletedProcess) -> str:
    """The message of a command that failed as it should: in one line, without a traceback."""
    assert result.returncode not in (0, -9), result.stdout
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_help_imports_nothing_heavy():
    """`--help` is answered before torch, Brain-Score or pandas are imported, which take seconds."""
    code = """
import sys
import warnings
from brainscore_cornet.cli.main import main
for arguments in (["--help"], ["score", "--help"], ["train", "--help"], ["models"], ["weights", "--help"]):
    sys.argv = ["brainscore-cornet", *arguments]
    print("\\f")
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, stop.code
heavy = {"torch", "numpy", "pandas", "xarray", "brainscore_vision", "brainscore_core", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    outputs = result.stdout.split("\f")[1:]
    assert len(outputs) == 5
    assert all("model" in output for output in outputs)


_SUMMARY = 62  # characters of a command's summary in 80 columns, beside the longest name


def test_every_command_has_help():
    """Every command and option says what it is for."""

    def walk(command):
        yield command
        for sub in getattr(command, "commands", {}).values():
            yield from walk(sub)

    for command in walk(command_line()):
        assert command.help
        # a summary is listed whole, except that of the program itself, which is not in a list
        assert command.name == "" or not command.get_short_help_str(_SUMMARY).endswith("..."), command.name
        assert all(option.help for option in command.params if option.param_type_name == "option"), command.name


def test_models_prints_every_commitment():
    """The table and the JSON hold every region, layer, time step and bin of every model."""
    table, as_json = run_here("models").stdout, json.loads(run_here("models", "--json").stdout)
    assert [model["identifier"] for model in as_json] == list(COMMITMENTS)
    for model in as_json:
        for region, bins in model["time_bins"].items():
            row = "  ".join(f"{step}: {start}-{end}" for step, (start, end) in bins.items())
            assert any(
                line.startswith(model["identifier"]) and f" {region} " in line and line.endswith(row)
                for line in table.splitlines()
            ), (model["identifier"], region)
    assert "decoder.avgpool" in table
    assert "8 visual degrees" in table


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("score", "cornet_x"), "Unknown model 'cornet_x'. Did you mean cornet_"),
        (("score", "cornet_s_untraind"), "cornet_s_untrained"),
        (("score", "cornet_z_untrained", "-b", "Marques2020light_pref_or"), "Marques2020light_DeValois1982-pref_or"),
        (("score", "cornet_z_untrained", "--times", "many"), "received 'many'"),
        (("score", "cornet_s_untrained", "--times", "V4=6,V4=7"), "each region once, received 'V4=6,V4=7'"),
        (("score", "cornet_z_untrained", "--times", "3"), "feedforward"),
        (("score", "cornet_z_untrained", "--device", "cuda:7"), "cuda:7"),
        (("score", "cornet_z_untrained", "--weights", "nowhere.pth"), "No weight file at nowhere.pth"),
        (("score", "cornet_z_untrained", "-o", "scores.csv"), "Expected a folder for the scores"),
        (("score", "cornet_z_untrained", "--memory", "much"), "Expected a memory such as 8GB or 500MB"),
        (("score", "cornet_z_untrained", "--timeout", "-1"), "timeout in seconds"),
        (("score", "nowhere.pth"), "No weight file at nowhere.pth"),
        (("score", "cornet_x=nowhere.pth"), "Unknown model 'cornet_x'"),
        (("benchmarks", "V5"), "Unknown group of benchmarks 'V5'"),
        (("report", "no_such_folder"), "not a folder of results"),
        (("cache", "--clear", "everything"), "Unknown cache 'everything'"),
        (("score", "cornet_z_untrained", "-b", "pref_or"), "Marques2020light_DeValois1982-pref_or"),
        (("score", "cornet_z_untrained", "-b", "xyzzyxyzzy"), "known ones has a similar name"),
        (("score", "alexnet", "--times", "3"), "alexnet is not one of ours"),
    ],
)
def test_what_a_person_can_mend_is_said_in_one_line(arguments, expected):
    """Each mistake is named, with what was expected, before any work is done."""
    assert expected in one_line_error(run_here(*arguments))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("score", "cornet_z"), "cornet_z-5c427c9c.pth"),
        pytest.param(
            ("score", "cornet_z_untrained", "-b", "MajajHong2015public.IT-pls"),
            "MajajHong2015public.IT-pls",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("score", "alexnet_random"),
            "Error: alexnet_random on Marques2020light_DeValois1982-pref_or and 3 more: Cannot download",
            marks=pytest.mark.slow,
        ),
        (("score", "cornet_z_untrained", "-b", "ImageNet-top1"), "50000 of 50000 images do not exist"),
    ],
)
@pytest.mark.usefixtures("forked_children")
def test_without_a_network_it_says_what_works_offline(arguments, expected, tmp_path, monkeypatch):
    """Weights or data that cannot be downloaded give one line with the reason and what can be done here."""
    for name, value in {**OFFLINE, "TORCH_HOME": str(tmp_path), "BRAINSCORE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("brainscore_cornet.cornet.weights.download.WAIT", 0)
    message = one_line_error(run_here(*arguments))
    assert expected in message
    assert any(reason in message for reason in ("offline", "no connection", "do not exist"))
    assert "_untrained" in message


def test_version():
    """The command in a process of its own and the package say the same."""
    import brainscore_cornet

    command = [sys.executable, "-m", "brainscore_cornet", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.stdout == f"brainscore_cornet {brainscore_cornet.__version__}\n"


def test_wrong_use_is_explained():
    """A missing argument and an unknown option end with another code and a hint, not with a traceback."""
    for arguments in (("score",), ("score", "cornet_s", "--speed", "fast"), ("scores",)):
        result = run_here(*arguments)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert result.stderr


@pytest.mark.usefixtures("forked_children")
def test_scores_as_table_json_and_file(tmp_path):
    """One benchmark, in its forms: the same number on the screen and in the folder; it is not computed again."""
    command = ("score", "cornet_z_untrained", "-b", EMBEDDED[0], "--image-size", 64, "--json", "-o", tmp_path)
    result = run_here(*command, "--batch-size", 16)
    assert result.returncode == 0, result.stderr
    (scored,) = json.loads(result.stdout)
    assert scored["model"] == "cornet_z_untrained_size_64"
    assert scored["benchmark"] == EMBEDDED[0]
    # random CORnet-Z of three seeds: .77 to .91, measured with a prototype of the protocol at 224 px
    assert 0.6 < scored["score"] <= 1
    assert (scored["region"], scored["time_bins"], scored["layer"]) == ("V1", "70-170", "V1.output")
    assert scored["model_time_bins"] == "50-150"
    with open(tmp_path / "scores.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["score"]) == scored["score"]
    again = run_here(*command)
    assert json.loads(again.stdout) == [scored]


def test_benchmarks_and_what_they_need():
    """Those of a group, with what each needs; what needs nothing comes first."""
    result = run_here("benchmarks", "V1", "--json")
    assert result.stderr.startswith("Reading Brain-Score's metadata\n")
    listed = json.loads(result.stdout)
    assert {each["region"] for each in listed} == {"V1"}
    assert [each["needs"] for each in listed[:11]] == ["offline"] * 11
    needs = {each["benchmark"]: each["needs"] for each in json.loads(run_here("benchmarks", "--json").stdout)}
    assert {name for name, need in needs.items() if need == "offline"} == {*EMBEDDED, *OFFICIAL.identifiers}
    assert needs["MajajHong2015public.IT-pls"] == "public download"
    assert needs["MajajHong2015.IT-pls"] == "private"


def test_cache_tells_and_clears(tmp_path, monkeypatch):
    """What is kept is counted, and taken away only where it was named."""
    for name in ("RESULTCACHING_HOME", "BRAINSCORE_HOME", "BRAINIO_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    kept = tmp_path / "RESULTCACHING_HOME" / "brainscore_cornet.activations" / "model" / "stimuli.npy"
    other = tmp_path / "RESULTCACHING_HOME" / "somebody_else" / "result.pkl"
    for path in (kept, other):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(3_000_000))
    assert "activations  3.0 MB" in run_here("cache").stdout
    assert run_here("cache", "--clear", "activations").stdout == "activations: 3.0 MB freed\n"
    assert not kept.exists()
    run_here("cache", "--clear", "brainscore")
    assert other.exists()


def test_a_reason_is_printed_once(capsys):
    """Jobs that failed for the same reason, but for their names, share one line of the error."""
    results = ResultLines()
    for number, name in enumerate(("a", "b"), start=1):
        reason = f"Cannot download what {name}_benchmark needs: no connection."
        results(Row("m", f"{name}_benchmark", "unreachable", reason=reason), number, 2)
    assert capsys.readouterr().err.splitlines() == [
        "[1/2] m on a_benchmark: unreachable: Cannot download what a_benchmark needs: no connection.",
        "[2/2] m on b_benchmark: unreachable, as above",
    ]


def test_the_file_of_a_whole_error_is_named(tmp_path, capsys):
    """Below the reason of a failure is the file with the whole error; a failure without one has no such line."""
    rows = [Row("m", name, "failed", reason=f"{name} raised KeyError: 'x'", date="2026") for name in ("one", "two")]
    Results(tmp_path).add(rows[0], trace="Traceback")
    print_failures([asdict(row) for row in rows], tmp_path)
    print_failures([asdict(replace(rows[0], reason="it"))], None)
    assert capsys.readouterr().err.splitlines() == [
        "Error: m on one and 1 more: one raised KeyError: 'x'",
        f"The whole error: {tmp_path / 'scores' / 'm' / 'one-failed.txt'}",
        "Error: m on one: it",
    ]


def test_the_package_is_imported_without_warnings():
    """Neither a model's nor a scoring function's import warns of what is in other packages.

    What every recording asks for does not import torch's compiler, which takes a second.
    """
    code = """
import sys
import brainscore_cornet
brainscore_cornet.load_model, brainscore_cornet.score_models
from brainscore_cornet.cornet.recording.shapes import survey
for model in ("cornet_z_untrained", "cornet_r_untrained", "cornet_rt_untrained", "cornet_s_untrained"):
    activations = brainscore_cornet.load_model(model, image_size=64, device="cpu").activations_model
    survey(activations.network, 64, containers=True)
assert "torch._dynamo" not in sys.modules
"""
    command = [sys.executable, "-P", "-W", "default::FutureWarning", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert (result.returncode, "__slots__" in result.stderr) == (0, False), result.stderr
