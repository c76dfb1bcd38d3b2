"""Plots are well-formed SVG, to scale, readable without colours, and every text in them is escaped."""

import doctest
import xml.etree.ElementTree as ET

import pytest
from sql_llama.evals.report import plots as module
from sql_llama.evals.report.plots import WIDTH, Group, Line, Mark, bars, curve

SVG = "{http://www.w3.org/2000/svg}"


def texts(plot: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(plot).iter(f"{SVG}text")]


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_bar_is_as_long_as_its_value() -> None:
    plot = ET.fromstring(
        bars("", [Group("a", (Mark(0.25, "25 %", "base"), Mark(0.5, "50 %", "tuned"), Mark(0, "0 %")))])
    )
    quarter, half, none = (float(node.attrib["width"]) for node in plot.iter(f"{SVG}rect"))
    assert half == pytest.approx(2 * quarter, abs=0.1) and none == 0
    assert half == pytest.approx((WIDTH - 64) / 2, abs=0.1)


def test_a_value_beyond_the_axis_stays_inside() -> None:
    plot = ET.fromstring(bars("", [Group("a", (Mark(1.7, "170 %", "base", -0.2, 2.5),))]))
    (bar,) = plot.iter(f"{SVG}rect")
    assert float(bar.attrib["x"]) + float(bar.attrib["width"]) < WIDTH
    assert "nan" not in ET.tostring(plot, "unicode").lower()


def test_counts_have_whole_ticks() -> None:
    assert [
        said for said in texts(bars("", [Group("a", (Mark(7, "seven"),))], top=7, percent=False)) if said.isdigit()
    ] == [
        "0",
        "2",
        "4",
        "6",
    ]


def test_base_and_tuned_differ_in_shape() -> None:
    groups = [Group("a", (Mark(0.2, "", "base", 0.1, 0.3),)), Group("b", (Mark(0.7, "", "tuned", 0.6, 0.8),))]
    plot = ET.fromstring(bars("", groups, dots=True))
    assert [node.attrib["class"] for node in plot.iter(f"{SVG}circle")] == ["base"]
    assert [node.attrib["class"] for node in plot.iter(f"{SVG}rect")] == ["tuned"]
    assert len([node for node in plot.iter(f"{SVG}path") if node.attrib["class"] == "whisker"]) == 2


def test_a_curve_goes_up_with_its_values_and_is_named() -> None:
    plot = curve("seen", [Line("m", ((0, 0), (1, 1)), "tuned", (0.5, 0.5))], across="x", up="y", diagonal=True)
    line, _ = (node for node in ET.fromstring(plot).iter(f"{SVG}path") if node.attrib["class"] == "line tuned")
    first, last = (tuple(map(float, point.split())) for point in line.attrib["d"].removeprefix("M").split("L"))
    assert first[0] < last[0] and first[1] > last[1]
    assert {"m", "x", "y", "0 %", "100 %"} <= set(texts(plot))
    assert 'aria-label="seen"' in plot and "diagonal" in plot


def test_a_curve_without_points_is_empty() -> None:
    assert "nan" not in curve("", [Line("m", ())], across="", up="")


def test_texts_are_escaped_and_long_ones_keep_both_ends() -> None:
    name = '<b>&"' + "x" * 80 + "-Q4_K_M"
    for plot in (
        bars(name, [Group(name, (Mark(0.5, name),), name)]),
        curve(name, [Line(name, ((0.5, 0.5),))], across=name, up=name),
    ):
        assert "<b>" not in plot
        assert ET.fromstring(plot).attrib["aria-label"] == name
        assert any(said.startswith('<b>&"x') and said.endswith("x-Q4_K_M") and "…" in said for said in texts(plot))
