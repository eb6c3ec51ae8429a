"""Timelines as files that other programs open: one module a format, one table of them all."""

from .context import ExportContext
from .formats import FORMATS, Format, export_chunks, write_timeline

__all__ = ["FORMATS", "ExportContext", "Format", "export_chunks", "write_timeline"]
