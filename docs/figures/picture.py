"""Takes the pictures of an Episode's page that README.md shows, light and dark, with headless Chromium.

`make figures` takes them of the Episode that it records; of another one:

    python docs/figures/picture.py DIR
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.html_report import write_report

FIGURES = Path(__file__).resolve().parent
ROOT = FIGURES.parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZE = (1240, 1130)
SCHEMES = {"light": 1, "dark": 0}  # Blink's numbers
MOST_BYTES = 300_000


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    return take(Path(sys.argv[1]))


def take(episode: Path) -> int:
    """Both pictures; says so and leaves the old ones where there is no browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("No Chromium here: the pictures of the page stay as they were.")
        return 0
    with tempfile.TemporaryDirectory() as place:
        page = Path(place) / "report.html"
        page.write_text(write_report(episode).read_text("utf-8").replace(f"{ROOT}/", ""), "utf-8")
        for scheme, number in SCHEMES.items():
            picture = FIGURES / f"report-{scheme}.png"
            _shoot(browser, page, picture, number)
            _squeeze(picture)
            if picture.stat().st_size > MOST_BYTES:
                sys.exit(f"{picture} has {picture.stat().st_size} bytes, more than {MOST_BYTES}.")
    return 0


def _shoot(browser: str, page: Path, picture: Path, scheme: int) -> None:
    options = (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={page.with_name('profile')}", f"--window-size={SIZE[0]},{SIZE[1]}",
        f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}",
    )  # fmt: skip
    called = [browser, *options, page.as_uri()]
    done = subprocess.run(called, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0 or not picture.exists():
        sys.exit(f"{browser} took no picture: {done.stderr.strip()[-400:]}")


def _squeeze(picture: Path) -> None:
    """Smaller without loss, where optipng is installed."""
    if shutil.which("optipng"):
        subprocess.run(["optipng", "-quiet", "-o2", "-strip", "all", str(picture)], timeout=120, check=False)


if __name__ == "__main__":
    sys.exit(main())
