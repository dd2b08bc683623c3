"""A real browser draws the page, without the network: needs a Chromium on the machine."""

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from report_results import minutes

from research.report_backtest import backtest_page

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), ""
)
needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
WIDTH, HEIGHT = 1100, 900
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")


@needs_browser
def test_a_browser_draws_the_equity_and_the_script_runs(tmp_path: Path) -> None:
    page, shot = tmp_path / "report.html", tmp_path / "report.png"
    # The last script reports what the page's own script has done, and whether it failed.
    probe = (
        "<script>const c = document.querySelector('svg.time');"
        "c.dispatchEvent(new PointerEvent('pointermove', {clientX: 500, clientY: 300}));"
        "const at = (kind, x, buttons) => c.dispatchEvent(new PointerEvent(kind,"
        " {clientX: x, clientY: 300, buttons}));"
        "const said = document.getElementById('readout').textContent;"
        "at('pointerdown', 400, 1); at('pointermove', 500, 1); at('pointerup', 600, 0);"
        "const boxes = [...document.querySelectorAll('svg.time svg.plot')]"
        ".map((p) => p.getAttribute('viewBox'));"
        "document.title = said + '|' + boxes.filter((b) => b.startsWith('0 ')).length"
        " + '|' + boxes[0];</script></body>"
    )
    page.write_text(backtest_page(minutes(30_000), "drawn").replace("</body>", probe))

    dom = run("--dump-dom", page.as_uri(), folder=tmp_path)
    run(f"--screenshot={shot}", f"--window-size={WIDTH},{HEIGHT}", page.as_uri(), folder=tmp_path)
    pixels = png(shot.read_bytes())
    blue = (np.abs(pixels.astype(int) - (0x1F, 0x6F, 0xEB)).sum(axis=2) < 60).sum()

    title = dom.split("<title>")[1].split("</title>")[0]
    said, unzoomed, box = title.split("|")
    assert said.startswith("2024-01-")
    assert "equity  " in said
    assert unzoomed == "0", "all charts over time are zoomed together"
    assert float(box.split()[0]) > 0.0
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert blue > 500, "the line of equity has its colour"


def run(*arguments: str, folder: Path) -> str:
    """What the browser prints."""
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [BROWSER, *FLAGS, profile, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def png(raw: bytes) -> NDArray[np.uint8]:
    """(height, width, 3) of an 8-bit RGB or RGBA picture without interlacing."""
    at, data, head = 8, b"", b""
    while at < len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        body = raw[at + 8 : at + 8 + length]
        head, data = (body, data) if kind == b"IHDR" else (head, data + body * (kind == b"IDAT"))
        at += 12 + length
    width, height, _, colours = struct.unpack(">IIBB", head[:10])
    deep = 4 if colours == 6 else 3
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * deep)
    return unfiltered(rows, deep).reshape(height, width, deep)[:, :, :3]


def unfiltered(rows: NDArray[np.uint8], deep: int) -> NDArray[np.uint8]:
    """Lines of a picture without PNG's prediction from neighbours (RFC 2083, 6)."""
    out = np.zeros((len(rows), rows.shape[1] - 1), np.uint8)
    above = np.zeros(out.shape[1], np.uint8)
    for i, (kind, line) in enumerate(zip(rows[:, 0], rows[:, 1:], strict=True)):
        if kind in (0, 2):
            out[i] = line if kind == 0 else line + above
        elif kind == 1:
            steps = line.reshape(-1, deep)
            out[i] = np.cumsum(steps, axis=0, dtype=np.uint8).ravel()
        else:
            out[i] = predicted(int(kind), line, above, deep)
        above = out[i]
    return out


def predicted(
    kind: int, line: NDArray[np.uint8], above: NDArray[np.uint8], deep: int
) -> NDArray[np.uint8]:
    """Average (3) and Paeth (4)."""
    done = [0] * len(line)
    up = above.tolist()
    for i, value in enumerate(line.tolist()):
        left = done[i - deep] if i >= deep else 0
        corner = up[i - deep] if i >= deep else 0
        guess = (left + up[i]) // 2
        if kind == 4:
            p = left + up[i] - corner
            guess = min((left, up[i], corner), key=lambda v, p=p: abs(p - v))  # type: ignore[misc]
        done[i] = (value + guess) % 256
    return np.array(done, np.uint8)
