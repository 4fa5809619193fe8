"""Reports: results as charts and tables in one HTML file that opens without a network."""

from .own_data_sections import has_own_data, read_own_data
from .page import write_report

__all__ = ["has_own_data", "read_own_data", "write_report"]
