"""The report in a real browser: nothing is wider than a phone or a screen, and nothing is fetched."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sql_llama.evals.judged_answer import GradedAnswer
from sql_llama.evals.report.report import Facts, Model, write_report

from ..answers import graded

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (320, 1280)
MEASURE = """<!doctype html><title>measure</title><body><script>
const widths = %s, found = [];
async function measure() {
  for (const width of widths) {
    const frame = document.createElement("iframe");
    frame.style = `width: ${width}px; height: 900px; border: 0`;
    frame.src = "report.html";
    document.body.append(frame);
    await new Promise(done => frame.onload = done);
    const page = frame.contentDocument, view = frame.contentWindow;
    const wide = [...page.body.querySelectorAll("*")].filter(node =>
      !node.closest(".scroll > *") && node.getBoundingClientRect().right > width + 1);
    const small = [...page.querySelectorAll("svg text")].filter(node => node.getBoundingClientRect().height < 10);
    found.push({
      width, inner: view.innerWidth, scroll: page.documentElement.scrollWidth,
      wide: wide.map(node => node.outerHTML.slice(0, 80)), small: small.map(node => node.textContent),
      boxes: page.querySelectorAll(".scroll").length,
      fetched: view.performance.getEntriesByType("resource").map(entry => entry.name),
    });
  }
  document.body.innerHTML = "<pre></pre>";
  document.querySelector("pre").textContent = "found " + JSON.stringify(found);
}
measure();
</script>"""


class Recorder(SimpleHTTPRequestHandler):
    """Serves a folder and keeps what was asked for."""

    asked: list[str]

    def __init__(self, *arguments: Any, asked: list[str], **more: Any) -> None:
        self.asked = asked
        super().__init__(*arguments, **more)

    def log_message(self, format: str, *arguments: Any) -> None:
        self.asked.append(self.path)


@pytest.fixture
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail("no Chromium (Debian, Ubuntu: apt-get install chromium)", pytrace=False)
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """A server on this machine: its address, its folder, and the paths that were asked for."""
    folder, asked = tmp_path / "site", list[str]()
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Recorder, directory=str(folder), asked=asked))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder, asked
    server.shutdown()
    thread.join()
    server.server_close()


def awkward(right: int) -> list[GradedAnswer]:
    """Answers with long words everywhere: a page that holds these holds any."""
    word = "https://example.org/" + "w" * 90
    return [
        graded(
            place < right,
            question=f"{place} {word}?",
            gold=f"SELECT '{word}' AS {'c' * 70}, 1, 2, 3",
            database="pets" if place % 2 else "d" * 60,
            sql=f"SELECT '{word}', '<img src=http://example.org/{place}>', 3, 4, 5, 6, 7, 8",
            lenient=place < right,
            tree=0.5,
            hardness="easy",
            features=("f" * 50, "join"),
            cause="" if place < right else "wrong column",
            gold_error=word if place == 39 else "",
            confidence=0.5,
            seconds=1234.5,
        )
        for place in range(40)
    ]


def look(browser: str, address: str, profile: Path) -> list[dict[str, Any]]:
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        f"{address}/measure.html",
    ]
    if os.getuid() == 0:
        command.insert(1, "--no-sandbox")  # root has none
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = re.search(r"found (\[.*\])", result.stdout)
    assert said is not None, result.stdout + result.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(unescape(said[1]))
    return found


@pytest.mark.browser
@pytest.mark.parametrize("policy", [True, False])
def test_it_fits_a_phone_and_a_screen_and_fetches_nothing(
    policy: bool, browser: str, site: tuple[str, Path, list[str]], pets: Path, tmp_path: Path
) -> None:
    """Without its own policy too, which would stop a request: there is none to stop."""
    address, folder, asked = site
    models = (
        Model("n" * 70, awkward(10), path="p" * 300, engine="e" * 60, seconds=99, facts={"k" * 40: "v" * 200}),
        Model("SmolLM2-135M-Instruct-Q4_K_M", awkward(30), seconds=99),
        Model("third", awkward(20), seconds=99),
    )
    facts = Facts(models, "q" * 90, "0" * 64, missing={"m" * 80: 3}, databases={"pets": pets}, command="c" * 200)
    page = write_report(facts, folder)[2]
    text = page.read_text(encoding="utf-8")
    if not policy:
        text, count = re.subn(r"<meta http-equiv[^>]*>", "", text)
        assert count == 1
    page.write_text(text, encoding="utf-8")
    (folder / "measure.html").write_text(MEASURE % json.dumps(WIDTHS))
    found = look(browser, address, tmp_path / "profile")
    assert [one["inner"] for one in found] == list(WIDTHS)
    for one in found:
        assert one["scroll"] <= one["width"] and one["wide"] == []
        assert one["small"] == [] and one["boxes"] >= 5
        assert one["fetched"] == []
    # the icon is of the measuring page, which names none
    assert set(asked) <= {"/measure.html", "/report.html", "/favicon.ico"} and "/report.html" in asked
