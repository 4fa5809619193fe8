"""CORnets for Brain-Score, which reads the registrations below as text.

SPDX-License-Identifier: GPL-3.0-or-later
"""

from brainscore_vision import model_registry

from .model import get_model
