"""Stands in for the get-pip.py that `ansible-test` would download from a site of its own: Python carries a pip, and
the package index has the release that is asked for. Called as get-pip.py is, with packages and pip's options."""

from __future__ import annotations

import subprocess
import sys

if __name__ == "__main__":
    wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
    subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=True)
