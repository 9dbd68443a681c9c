"""HTML pages read by an HTML parser and by Chromium."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from tests.render.config_readers import Program

ALONE = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    # No name is resolved, and the proxy of every connection is a closed port.
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:1", "--proxy-bypass-list=<-loopback>"),
]
VOID = {"meta"}


class Element(NamedTuple):
    """A start tag: name and attributes."""

    name: str
    attributes: tuple[tuple[str, str], ...]


class Box(NamedTuple):
    """A rectangle in an SVG picture, or the picture's view box."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point is inside."""
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height

    def overlaps(self, other: Box) -> bool:
        """Return whether the two boxes overlap."""
        across = self.x < other.x + other.width and other.x < self.x + self.width
        return across and self.y < other.y + other.height and other.y < self.y + self.height


class Text(NamedTuple):
    """A line of text in a picture, and the position of its start."""

    x: float
    y: float
    text: str


class Picture(NamedTuple):
    """An SVG picture: its size, and its boxes with their texts."""

    size: Box
    boxes: list[tuple[Box, list[Text]]]


class Page(HTMLParser):
    """A parsed page: elements, text, list rows and pictures."""

    def __init__(self, written: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[str] = []
        """The elements that are not closed yet."""
        self.text = ""
        self.rows: list[list[str]] = []
        """The title and the value of every row in the lists."""
        self.pictures: list[Picture] = []
        self.feed(written)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.elements.append(Element(tag, tuple(values.items())))
        if tag not in VOID:
            self.open.append(tag)
        if tag in {"dt", "dd"}:
            self.rows += [[""]] if tag == "dt" else []
            self.rows[-1] += [""] if tag == "dd" else []
        elif tag == "svg":
            self.pictures.append(Picture(Box(*map(float, values["viewbox"].split())), []))
        elif tag == "rect":
            box = Box(*(float(values[name]) for name in ("x", "y", "width", "height")))
            self.pictures[-1].boxes.append((box, []))
        elif tag == "text":
            self.pictures[-1].boxes[-1][1].append(Text(float(values["x"]), float(values["y"]), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"dt", "dd"} & set(self.open):
            self.rows[-1][-1] += data
        elif "text" in self.open:
            texts = self.pictures[-1].boxes[-1][1]
            texts[-1] = texts[-1]._replace(text=texts[-1].text + data)


def chromium(program: Program, written: str, *options: str) -> bytes:
    """Open a page in Chromium and return its standard output."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "page.html"
        file.write_bytes(written.encode())
        return subprocess.run(
            [program("chromium"), *ALONE, f"--user-data-dir={directory}/profile", *options, file.as_uri()],
            env={"HOME": directory, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=60,
        ).stdout


def screenshot(program: Program, written: str, width: int, height: int) -> bytes:
    """Return the PNG of a page in a window of that size."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "screenshot.png"
        chromium(program, written, f"--window-size={width},{height}", "--hide-scrollbars", f"--screenshot={file}")
        return file.read_bytes()


class Layout(NamedTuple):
    """The layout of a page in a window: the overflow in width, and the text sizes in each visible picture."""

    excess: float
    sizes: list[list[float]]


def laid_out(program: Program, written: str, widths: Sequence[int]) -> list[Layout]:
    """Return Chromium's layout of a page in windows of the given widths, in pixels."""
    frames = "".join(f'<iframe style="width: {width}px" srcdoc="{escape(written)}"></iframe>' for width in widths)
    dumped = chromium(program, f"<!DOCTYPE html>{frames}<pre></pre>{_MEASURE}", "--dump-dom").decode()
    measured = dumped.rpartition("<pre>")[2].partition("</pre>")[0]
    return [Layout(*layout) for layout in json.loads(measured)]


_MEASURE = """<script>
onload = () => {
  const size = (text) => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a;
  const layout = (frame) => {
    const page = frame.contentDocument.documentElement;
    const shown = [...page.querySelectorAll("svg")].filter((svg) => svg.clientWidth);
    return [page.scrollWidth - page.clientWidth, shown.map((svg) => [...svg.querySelectorAll("text")].map(size))];
  };
  document.querySelector("pre").textContent = JSON.stringify([...document.querySelectorAll("iframe")].map(layout));
};
</script>"""
