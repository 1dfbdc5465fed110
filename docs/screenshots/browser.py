"""A headless Chromium, spoken to by its DevTools protocol; nothing but `websockets` is needed."""

import base64
import json
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0"),
)
_START_SECONDS = 60
# The page is an application that asks its server for what it shows: it is done when its text has
# not changed for this long and no placeholder is left.
_QUIET_SECONDS = 3.0
_TEXT = "document.body ? document.body.innerText : ''"


class Page:
    """One tab of the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._sent = 0
        self.call("Page.enable")
        self.call("Runtime.enable")

    def call(self, method: str, **parameters: Any) -> Mapping[str, Any]:
        """Return the answer to a command of the protocol; events in between are dropped."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        self._connection.send(json.dumps(message))
        while True:
            answer = json.loads(self._connection.recv(timeout=120))
            if answer.get("id") == self._sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: Mapping[str, Any] = answer["result"]
                return result

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def size(self, width: int, height: int) -> None:
        """Let the window have this size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, address: str, *, until: str, seconds: float = 180) -> None:
        """Go to an address and wait until the page shows a text and comes to rest."""
        self.call("Page.navigate", url=address)
        self.rest(until=until, seconds=seconds)

    def rest(self, *, until: str = "", seconds: float = 180) -> None:
        """Wait until the page shows a text, loads nothing and has not changed for a while."""
        deadline = time.monotonic() + seconds
        seen, since = "", time.monotonic()
        while True:
            text = str(self.evaluate(_TEXT))
            # Clocks and counters never rest.
            still = re.sub(r"\d+", "0", text)
            if still != seen or until not in text or "Loading" in text:
                seen, since = still, time.monotonic()
            elif time.monotonic() - since >= _QUIET_SECONDS:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the page does not show {until!r} at rest; it says: {text}")
            time.sleep(0.25)

    def png(self) -> bytes:
        """Return a picture of the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextmanager
def browser(program: str) -> Iterator[Page]:
    """Run a Chromium with a profile of its own and yield its page; both are gone at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_address(Path(profile)), max_size=None, proxy=None) as connection:
                yield Page(connection)
        finally:
            process.terminate()
            process.wait(30)


def _address(profile: Path) -> str:
    """Return the address of the first tab; Chromium writes its port into the profile."""
    file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + _START_SECONDS
    while not file.exists() or "\n" not in file.read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Chromium did not start within {_START_SECONDS} s")
        time.sleep(0.1)
    port = file.read_text().split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
        tabs = json.load(answer)
    return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
