#!/usr/bin/env python3
"""check.py MODULE: compare the programs in PATH with what the corpora expect.

The modules are those beside this file that have a check(report)."""

import importlib
import sys

from corpora import Report

report = Report()
importlib.import_module(sys.argv[1]).check(report)
sys.exit(report.finish())
