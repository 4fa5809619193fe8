"""Run the rows of the comparison in turn, check that both sides give the same numbers, and print a table."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the other helpers of the tests are

import numpy as np
import typer
from PIL import Image


def main(
    rows: Annotated[list[str] | None, typer.Argument(help="Parts of rows' names; all rows by default.")] = None,
    images: Annotated[int | None, typer.Option(help="Images a row, in place of each row's own number.")] = None,
    repeats: Annotated[int | None, typer.Option(help="Runs of each side, in place of each row's own number.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Ours and what a user would run instead, side by side on this machine."""
    from speed.rows import ROWS
    from speed.sides import compare

    chosen = {name: row for name, row in ROWS.items() if not rows or any(part in name for part in rows)}
    if not chosen:
        raise typer.BadParameter(f"No such row. The rows are {', '.join(ROWS)}.")
    # Brain-Score runs pip whenever a plugin is loaded unless it is not to, as `score` does
    os.environ.update(
        RESULTCACHING_DISABLE="1", BS_INSTALL_DEPENDENCIES="no", TQDM_DISABLE="1", PYTHONWARNINGS="ignore"
    )
    rate = matrix_product_rate()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name, row in chosen.items():
            paths = pictures(Path(folder), images or row.images, row.width, row.ending) if row.images else []
            result = compare(name, paths, repeats or row.repeats, Path(folder), row.tolerance)
            result["goal"], result["most_added_mb"] = row.goal, row.most_added_mb
            result["floor_ms"] = None if row.gflop is None else row.gflop / rate * 1000
            results.append(result)
            print(f"{name}: {result['ratio']:.2f}", file=sys.stderr)
    if as_json:
        print(json.dumps({"matrix_product_gflops": rate, "rows": results}, indent=2))
        return
    print(f"\nThis machine multiplies matrices at {rate:.0f} GFLOP/s; times are medians.\n")
    columns = {"floor": "floor_ms", "their MB": "theirs_mb", "our MB": "ours_mb"}
    print_table("ms an image", 1, [result for result in results if result["images"]], columns)
    columns = {"they add MB": "theirs_added_mb", "we add MB": "ours_added_mb", "at most": "most_added_mb"}
    print_table("s", 1000, [result for result in results if not result["images"]], columns)
    if gpu := [result for result in results if result["ours_gpu_share"] is not None]:
        print("\nShare of the time in which the GPU computes:")
        for result in gpu:
            rate = 1000 / result["ours_ms"]
            print(f"{result['name']:52} {result['ours_gpu_share']:.2f} at {rate:.0f} images a second")


def print_table(unit: str, milliseconds: int, results: list[dict], columns: Mapping[str, str]) -> None:
    """Times in a unit of so many ms, their ratio, and other columns; nothing without results."""
    if results:
        print(f"\n{unit:52}", *(f"{head:>12}" for head in ("theirs", "ours", "ratio", "goal", *columns)), " numbers")
    for result in results:
        cells = [result["theirs_ms"] / milliseconds, result["ours_ms"] / milliseconds, result["ratio"], result["goal"]]
        cells += [result[name] for name in columns.values()]
        texts = ["-" if cell is None else f"{cell:.0f}" if cell >= 100 else f"{cell:.3g}" for cell in cells]
        equal = "equal" if result["equal"] else "DIFFERENT"
        print(f"{result['name']:52}", *(f"{text:>12}" for text in texts), f" {equal}")


def matrix_product_rate() -> float:
    """GFLOP/s of this machine for large matrices in single precision: no convolution is faster without a trick."""
    import torch

    matrix = torch.randn(2048, 2048)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / statistics.median(times) / 1e9


def pictures(folder: Path, count: int, width: int, ending: str) -> list[str]:
    """Square pictures with structure at all scales."""
    random = np.random.RandomState(0)
    paths = []
    for index in range(count):
        path = folder / f"{width}-{index:05d}.{ending}"
        paths.append(str(path))
        if path.exists():
            continue
        pixels = sum(
            np.asarray(
                Image.fromarray(random.randint(0, 256, (size, size, 3), dtype=np.uint8)).resize((width, width)), float
            )
            for size in (4, 16, 64)
        )
        Image.fromarray((pixels / 3).astype(np.uint8)).save(path)
    return paths


if __name__ == "__main__":
    typer.run(main)
