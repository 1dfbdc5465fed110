"""The pictures of docs/ui.md, taken from the web UI of a finished demo.

    make demo
    make screenshots

Needs Chromium (Debian: `apt-get install chromium`); `--browser` names another program. Installs
nothing, changes nothing but docs/images/, and ends what it started.
"""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from browser import browser
from PIL import Image

from mlops_dagster.automation.instance import prepare_instance, process_environment
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.root import find_root

IMAGES = Path(__file__).parents[1] / "images"
MOST_BYTES = 250_000
_GROUP = "/locations/mlops_dagster.definitions/asset-groups/flight_delays/lineage"
_ASSETS = "/assets/flight_delays"
_START_SECONDS = 120


@dataclass(frozen=True)
class Shot:
    """A picture: where it is taken, and what must be there before it is."""

    path: str
    until: str
    width: int = 1440
    height: int = 900


SHOTS = {
    "lineage": Shot(_GROUP, "departures", width=1600, height=1160),
    "table": Shot(f"{_ASSETS}/silver/schedule?view=overview", "rows_in", height=1500),
    "checks": Shot(
        f"{_ASSETS}/silver/schedule?view=checks&checkDetail=destination_name_is_not_null", "Plots"
    ),
    "model": Shot(f"{_ASSETS}/model/departure_delay?view=overview", "importance", height=1700),
    "drift": Shot(
        f"{_ASSETS}/monitoring/departure_delay_drift?view=overview", "most_drifted_1", height=1060
    ),
    "quality": Shot(
        f"{_ASSETS}/monitoring/departure_delay_quality?view=overview", "roc_auc", height=1200
    ),
    "decision": Shot(
        f"{_ASSETS}/monitoring/departure_delay_decision?view=overview", "reason", height=1200
    ),
}


@click.command()
@click.option("--environment", default="dev", show_default=True, help="A name of environments/.")
@click.option("--browser", "program", default="chromium", show_default=True, help="The program.")
@click.argument("names", nargs=-1)
def main(environment: str, program: str, names: tuple[str, ...]) -> None:
    """Take all pictures, or those that are named."""
    if shutil.which(program) is None:
        raise click.ClickException(
            f"there is no program '{program}'. Debian, Ubuntu: apt-get install chromium"
        )
    IMAGES.mkdir(exist_ok=True)
    with webserver(environment) as address, browser(program) as page:
        for name in names or SHOTS:
            shot = SHOTS[name]
            page.size(shot.width, shot.height)
            page.open(address + shot.path, until=shot.until)
            picture = small(page.png())
            (IMAGES / f"{name}.png").write_bytes(picture)
            print(f"{name}.png {len(picture) // 1000} kB")


@contextmanager
def webserver(environment: str) -> Iterator[str]:
    """Serve the web UI of an environment, without daemon, and yield its address."""
    workspace = load_workspace(find_root(Path()), environment)
    home = prepare_instance(workspace)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "dagster_webserver", "-m", "mlops_dagster.definitions"),
            *("-h", "127.0.0.1", "-p", str(port)),
        ],
        cwd=home,
        env=process_environment(workspace),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/server_info")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_for(address: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def small(png: bytes) -> bytes:
    """Return a picture below the limit: in 256 colours if it must."""
    if len(png) <= MOST_BYTES:
        return png
    target = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(target, "PNG", optimize=True)
    return target.getvalue()


if __name__ == "__main__":
    main()
