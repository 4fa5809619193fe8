"""The models of this plugin: identifier -> which CORnet it is, and the options of `load_model`.

SPDX-License-Identifier: GPL-3.0-or-later
"""

MODELS: dict[str, dict] = {}
