"""Run the rows of the comparison in turn, check that both sides give the same numbers, and print a table."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
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
    if of_images := [result for result in results if result["images"]]:
        heads = ("theirs", 8), ("ours", 8), ("ratio", 6), ("goal", 5), ("floor", 6), ("their MB", 9), ("our MB", 7)
        print(f"{'ms an image':52}", *(f"{head:>{width}}" for head, width in heads), " numbers")
        for result in of_images:
            floor = "-" if result["floor_ms"] is None else f"{result['floor_ms']:.1f}"
            print(
                f"{result['name']:52} {result['theirs_ms']:8.1f} {result['ours_ms']:8.1f} {result['ratio']:6.2f} "
                f"{result['goal']:5.2f} {floor:>6} {result['theirs_mb']:9.0f} {result['ours_mb']:7.0f}  "
                f"{'equal' if result['equal'] else 'DIFFERENT'}"
            )
    if whole := [result for result in results if not result["images"]]:
        heads = (
            ("theirs", 8),
            ("ours", 8),
            ("ratio", 6),
            ("goal", 5),
            ("they add MB", 12),
            ("we add MB", 10),
            ("at most", 8),
        )
        print(f"\n{'s':52}", *(f"{head:>{width}}" for head, width in heads), " numbers")
        for result in whole:
            most = "-" if result["most_added_mb"] is None else f"{result['most_added_mb']:.0f}"
            print(
                f"{result['name']:52} {result['theirs_ms'] / 1000:8.1f} {result['ours_ms'] / 1000:8.1f} "
                f"{result['ratio']:6.1f} {result['goal']:5.0f} {result['theirs_added_mb']:9.0f} "
                f"{result['ours_added_mb']:7.0f} {most:>8}  {'equal' if result['equal'] else 'DIFFERENT'}"
            )
    if gpu := [result for result in results if result["ours_gpu_share"] is not None]:
        print("\nShare of the time in which the GPU computes:")
        for result in gpu:
            rate = 1000 / result["ours_ms"]
            print(f"{result['name']:52} {result['ours_gpu_share']:.2f} at {rate:.0f} images a second")


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
