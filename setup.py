"""Metadata and dependencies, and the doors that are installed into brainscore_vision's own folders.

Brain-Score finds plugins by reading the folders of its installation, so three small folders of ours are installed
there too; `pip uninstall` takes them away again.
"""

from pathlib import Path

from setuptools import find_packages, setup

PLUGINS = "brainscore_cornet/plugins"
DOORS = {
    f"brainscore_vision.{kind}.brainscore_cornet": f"{PLUGINS}/{kind}" for kind in ("models", "benchmarks", "data")
}

CLUSTER = ["distributed>=2024.5", "dask-jobqueue"]
# the state of Lightning's loops, which a run that goes on is set to, is that of 2.6
TRAIN = ["matplotlib", "pytorch-lightning>=2.6,<2.7", "tensorboard"]
# zarr 3 does not go with brainscore-vision's xarray, later numcodecs not with zarr 2, later pyarrow not with numpy 1
FEATURES = ["zarr>=2.13,<3", "numcodecs<0.16", "pyarrow<22"]
SUBMIT = ["pytest", "pytest-check"]  # which Brain-Score tests plugins with

setup(
    name="brainscore_cornet",
    version="0.1.0",
    description="CORnet-Z, -R, -RT and -S as Brain-Score models",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="GPL-3.0-or-later",
    python_requires=">=3.11",
    packages=[*find_packages(include=["brainscore_cornet*"]), *DOORS],
    package_dir=DOORS,
    package_data={
        "brainscore_cornet.scoring": ["example.ipynb"],
        "brainscore_cornet.plugins.models": ["metadata.yaml"],
        "brainscore_cornet.report": ["*.j2", "page.css", "page.js"],
        **{door: ["*.yaml"] for door in DOORS},
    },
    install_requires=[
        "brainscore-vision>=2.4",
        "cloudpickle",
        "filelock",
        "jinja2",
        "markupsafe",
        "netCDF4",
        "numpy>=1.24,<2",
        "packaging",
        "pandas>=2,<3",
        "pillow",
        "psutil",
        "pyyaml",
        "requests",
        "torch>=2.6",
        "torchvision>=0.21",
        "tqdm",
        "typer>=0.12",
    ],
    extras_require={
        "cluster": CLUSTER,
        "features": FEATURES,
        "report": ["matplotlib"],
        "submit": SUBMIT,
        "train": TRAIN,
        "test": [
            *CLUSTER,
            *FEATURES,
            *SUBMIT,
            *TRAIN,
            "hypothesis",
            "imageio",
            "ipykernel",
            "matplotlib",
            "nbclient",
            "pytest-timeout",
            "pytest-xdist",
            "ruff",
            "scikit-learn",
            "selenium",
        ],
    },
    entry_points={"console_scripts": ["brainscore-cornet=brainscore_cornet.cli.main:main"]},
)
