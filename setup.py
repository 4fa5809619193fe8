"""Metadata and dependencies, and the plugins that are installed into brainscore_vision's own folders.

Brain-Score finds plugins by reading the folders of its installation, so three small folders of ours are installed
there too; `pip uninstall` removes them again.
"""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.sdist import sdist

PLUGINS = {
    f"brainscore_vision.{kind}.brainscore_cornet": f"brainscore_cornet/plugins/{kind}"
    for kind in ("models", "benchmarks", "data")
}

CLUSTER = ["distributed>=2024.5", "dask-jobqueue", "cryptography"]  # the last one makes certificates
# the state of Lightning's loops, which a resumed run is set to, is that of 2.6
TRAIN = ["matplotlib", "pytorch-lightning>=2.6,<2.7", "tensorboard"]
# zarr 3 does not go with brainscore-vision's xarray, later numcodecs not with zarr 2, later pyarrow not with numpy 1
FEATURES = ["zarr>=2.13,<3", "numcodecs<0.16", "pyarrow<22"]
NWB = ["pynwb>=2.8"]
# rsatoolbox 0.3 needs a newer scikit-learn than brainscore-vision allows
RSA = ["rsatoolbox>=0.2,<0.3"]
REPORT = ["altair>=6,<7", "matplotlib", "vl-convert-python>=1.9,<2"]
SUBMIT = ["pytest", "pytest-check"]  # which Brain-Score tests plugins with


class SourceDistribution(sdist):
    """A source distribution with the tests, and with what they read: unpacked, it is tested as a checkout is."""

    def make_distribution(self) -> None:
        self.filelist.graft("tests")
        self.filelist.recursive_include("brainscore_cornet", "*.png")  # shown in the README
        self.filelist.global_exclude("*.py[co]")
        self.filelist.append("environment.yml")
        super().make_distribution()


setup(
    name="brainscore_cornet",
    version="0.1.0",
    description="CORnet-Z, -R, -RT and -S as Brain-Score models",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="GPL-3.0-or-later",
    python_requires=">=3.11,<3.12",  # the xarray that Brain-Score needs cannot open a file in later ones
    packages=[*find_packages(include=["brainscore_cornet*"]), *PLUGINS],
    package_dir=PLUGINS,
    package_data={
        "": ["README.md"],
        "brainscore_cornet": ["py.typed"],
        "brainscore_cornet.plugins.models": ["metadata.yaml"],
        "brainscore_cornet.report": ["*.j2", "page.css", "page.js"],
        "brainscore_cornet.scoring": ["example.ipynb"],
        **{plugin: ["*.yaml"] for plugin in PLUGINS},
    },
    install_requires=[
        "brainscore-vision>=2.4",
        "cloudpickle",
        "filelock",
        "h5py",
        "jinja2",
        "markupsafe",
        "netCDF4",
        "numpy>=1.24,<2",
        "packaging",
        "pandas>=2,<3",
        "pillow>=10.1",
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
        "nwb": NWB,
        "rsa": RSA,
        "report": REPORT,
        "submit": SUBMIT,
        "train": TRAIN,
        "test": [
            *CLUSTER,
            *FEATURES,
            *NWB,
            *REPORT,
            *RSA,
            *SUBMIT,
            *TRAIN,
            "captum",
            "hypothesis",
            "imageio",
            "ipykernel",
            "nbclient",
            "onnx",
            "onnxruntime",
            "onnxscript",  # torch.onnx.export is made of it
            "pyright[nodejs]==1.1.414",  # each release finds more: a new one is taken on purpose
            "pytest-timeout",
            "pytest-xdist",
            "ruff",
            "safetensors",
            "scikit-learn",
            "selenium",
            "torchlens>=2",
        ],
    },
    cmdclass={"sdist": SourceDistribution},
    entry_points={"console_scripts": ["brainscore-cornet=brainscore_cornet.cli.main:main"]},
)
