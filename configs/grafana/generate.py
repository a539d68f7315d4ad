#!/usr/bin/python3
"""Writes the dashboards beside it from source/: configs/grafana/generate.py [FOLDER]. Change source/, run this, commit both."""

import importlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ("network", "backends", "balancing", "traffic", "system", "insight")


def dashboards():
    """{file name: text}."""
    sys.path.insert(0, str(HERE / "source"))
    return {f"{name}.json": json.dumps(importlib.import_module(name).make(), indent=1, ensure_ascii=False) + "\n" for name in NAMES}


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for file, text in dashboards().items():
        (folder / file).write_text(text, encoding="utf-8")
