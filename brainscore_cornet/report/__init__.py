"""A page of results: what was scored, drawn and listed in one HTML file that asks nothing of any network."""

from .page import write_report

__all__ = ["write_report"]
