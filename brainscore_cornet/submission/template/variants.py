"""The models of this plugin: identifier -> registered CORnet, and the options of `load_model`.

SPDX-License-Identifier: GPL-3.0-or-later
"""

MODELS: dict[str, dict] = {}
