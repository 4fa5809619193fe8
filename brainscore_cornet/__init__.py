"""CORnet, the family of shallow networks mapped onto V1, V2, V4 and IT, as Brain-Score models."""

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cornet.brain_model import load_model
    from .cornet.errors import UserError
    from .cornet.network import load_network
    from .features import extract_features
    from .features.saved_recordings import load_recording, save_recording
    from .metrics.predictivity import predictivity
    from .own_data import behaviour_benchmark, compare_models, load_benchmark, neural_benchmark, rdm_benchmark, time_map
    from .scoring import score_models
    from .training import train, validate

_PUBLIC = {
    "behaviour_benchmark": "own_data",
    "compare_models": "own_data",
    "extract_features": "features",
    "load_benchmark": "own_data",
    "load_model": "cornet.brain_model",
    "load_network": "cornet.network",
    "load_recording": "features.saved_recordings",
    "neural_benchmark": "own_data",
    "predictivity": "metrics.predictivity",
    "rdm_benchmark": "own_data",
    "save_recording": "features.saved_recordings",
    "score_models": "scoring",
    "time_map": "own_data",
    "train": "training",
    "validate": "training",
    "UserError": "cornet.errors",
}

__all__ = [
    "UserError",
    "behaviour_benchmark",
    "compare_models",
    "extract_features",
    "load_benchmark",
    "load_model",
    "load_network",
    "load_recording",
    "neural_benchmark",
    "predictivity",
    "rdm_benchmark",
    "save_recording",
    "score_models",
    "time_map",
    "train",
    "validate",
]


def __getattr__(name: str):
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    return lazy_names(__name__, _PUBLIC)(name)


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package for names that are in its modules, such as {"score_models": "scoring"}.

    They are imported when first used: torch and Brain-Score take seconds, and `--help` should not wait for them.
    """

    def found(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(quietly_imported(f".{modules[name]}", package), name)

    return found


def quietly_imported(module: str, package: str | None = None) -> ModuleType:
    """Return a module, imported without the warning of Brain-Score's classes that is addressed to their authors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "xarray subclass .* should explicitly define __slots__", FutureWarning)
        return import_module(module, package)
