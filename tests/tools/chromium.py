"""A headless Chromium, driven through chromedriver's own protocol (W3C WebDriver) over HTTP."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

# Quiet and alone: no profile of a person, nothing that calls home.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip


class Browser:
    """One tab of a headless Chromium."""

    def __init__(self, port: int, profile: Path) -> None:
        self._port = port
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": logs}
        answer = self._post("/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{answer['sessionId']}"

    def _post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        return self._ask("POST", path, json.dumps(body))

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, object]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body)
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"chromedriver: {value['error']}: {value['message']}")
        return value

    def devtools(self, command: str, **parameters: object) -> dict[str, object]:
        """Send one command of the Chrome DevTools Protocol."""
        body = {"cmd": command, "params": parameters}
        return self._post(f"{self._session}/goog/cdp/execute", body)

    def look(self, *, scheme: str = "light", width: int = 1100, height: int = 800) -> None:
        """Set what the page is seen on: the reader's colour scheme, the size of the window."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", features=features)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)

    def open(self, page: Path) -> None:
        """Open a file from disk, and wait until it is loaded; the logs begin here."""
        self.go(page.resolve().as_uri())

    def go(self, url: str) -> None:
        """Open an address of this machine, and wait until it is loaded; the logs begin here."""
        self.console(), self.requested()
        self._post(f"{self._session}/url", {"url": url})

    def wait_for(self, script: str, *, seconds: float = 120.0) -> object:
        """Return what the body of a function returns, once that is true."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"never true in the page: {script}")
            time.sleep(0.1)
        return found

    def run(self, script: str) -> object:
        """Run the body of a function in the page, and return what it returns."""
        return self._post(f"{self._session}/execute/sync", {"script": script, "args": []})

    def console(self) -> list[str]:
        """Return what the page's console said since the last look."""
        entries = self._post(f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries]

    def requested(self) -> list[str]:
        """Return every address that was asked for since the last look, data URIs left out."""
        entries = self._post(f"{self._session}/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        urls = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith("data:")]

    def screenshot(self, path: Path) -> None:
        """Write the whole page as a PNG."""
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def print(self, path: Path) -> None:
        """Write the page as it would be printed, as a PDF."""
        printed = self.devtools("Page.printToPDF", preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(printed["data"]))

    def close(self) -> None:
        """Close the browser."""
        self._ask("DELETE", self._session)


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium with a new profile; both programs are gone afterwards."""
    with subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            said = (
                re.search(r"started successfully on port (\d+)", line) for line in driver.stdout
            )
            port = next(int(found.group(1)) for found in said if found)
            tab = Browser(port, profile)
            try:
                yield tab
            finally:
                tab.close()
        finally:
            driver.terminate()
