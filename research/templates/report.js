"use strict";
// Charts over time: a cursor with values on all of them, drag to zoom, double click to go back.
// Everything is read from the drawings themselves; without this script they are complete.
(() => {
  const NS = document.documentElement.namespaceURI && document.querySelector("svg")?.namespaceURI;
  if (!NS) return;
  const readout = document.getElementById("readout");
  const charts = [...document.querySelectorAll("svg.time")].map((svg) => {
    const plot = svg.querySelector("svg.plot");
    const box = (name) => Number(plot.getAttribute(name));
    return {
      svg, plot, left: box("x"), top: box("y"), width: box("width"), height: box("height"),
      x0: Number(svg.dataset.x0), x1: Number(svg.dataset.x1),
      y0: Number(svg.dataset.y0), y1: Number(svg.dataset.y1), percent: "percent" in svg.dataset,
      marks: svg.querySelector(".marks"), whole: svg.querySelector(".marks").innerHTML,
      from: Number(svg.dataset.x0), to: Number(svg.dataset.x1), lines: null,
    };
  });
  const shape = (name, into, attributes) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return into.appendChild(made);
  };
  const linesOf = (chart) => chart.lines ??= [...chart.plot.querySelectorAll(".line")].map((path) => ({
    name: path.dataset.name,
    points: path.getAttribute("d").slice(1).split("L").map((p) => p.split(" ").map(Number)),
  }));
  const timeText = (ns, seconds) => {
    const text = new Date(ns / 1e6).toISOString().replace("T", " ");
    return seconds ? text.slice(0, 19) : text.slice(0, 16);
  };
  const valueText = (chart, y) => {
    const value = chart.y1 - (y / chart.height) * (chart.y1 - chart.y0);
    const reach = Math.max(Math.abs(chart.y1), Math.abs(chart.y0));
    const places = Math.max(0, 4 - Math.floor(Math.log10(chart.percent ? reach * 100 : reach)));
    return chart.percent ? (100 * value).toFixed(Math.min(places, 4)) + " %"
      : value.toLocaleString("en", { maximumFractionDigits: Math.min(places, 8) });
  };
  const nearest = (points, x) => {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - points[low - 1][0] < points[low][0] - x ? points[low - 1] : points[low];
  };
  const timeAt = (chart, event) => {
    const frame = chart.svg.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * chart.svg.viewBox.baseVal.width - chart.left;
    const part = Math.min(1, Math.max(0, x / chart.width));
    return chart.from + part * (chart.to - chart.from);
  };
  const screenX = (chart, time) =>
    chart.left + ((time - chart.from) / (chart.to - chart.from)) * chart.width;
  const clear = (name) => document.querySelectorAll("svg.time > ." + name).forEach((e) => e.remove());
  const inside = (chart, time) => time >= chart.from && time <= chart.to;

  const point = (chart, event) => {
    const time = timeAt(chart, event);
    clear("cursor");
    for (const each of charts) {
      if (!inside(each, time)) continue;
      const x = screenX(each, time);
      shape("line", each.svg, { class: "cursor", x1: x, x2: x, y1: each.top, y2: each.top + each.height });
    }
    const at = ((time - chart.x0) / (chart.x1 - chart.x0)) * chart.width;
    const rows = linesOf(chart).map((l) => l.name + "  " + valueText(chart, nearest(l.points, at)[1]));
    readout.textContent = [timeText(time, chart.to - chart.from < 864e11), ...rows].join("\n");
    readout.hidden = false;
    const right = event.clientX + 14 + readout.offsetWidth > document.documentElement.clientWidth;
    readout.style.left = (right ? event.clientX - 14 - readout.offsetWidth : event.clientX + 14) + "px";
    readout.style.top = event.clientY + 14 + "px";
  };
  const zoom = (from, to) => {
    for (const chart of charts) {
      const whole = from === null;
      const a = whole ? chart.x0 : Math.max(chart.x0, from), b = whole ? chart.x1 : Math.min(chart.x1, to);
      if (!(b > a)) continue;
      chart.from = a;
      chart.to = b;
      const scale = chart.width / (chart.x1 - chart.x0);
      chart.plot.setAttribute("viewBox", `${(a - chart.x0) * scale} 0 ${(b - a) * scale} ${chart.height}`);
      if (a === chart.x0 && b === chart.x1) { chart.marks.innerHTML = chart.whole; continue; }
      const y = chart.marks.querySelector("text")?.getAttribute("y") ?? chart.top + chart.height + 15;
      chart.marks.replaceChildren();
      for (let i = 0; i <= 5; i++) {
        const text = shape("text", chart.marks, { class: "x", x: chart.left + (chart.width * (i + 0.5)) / 6, y });
        text.textContent = timeText(a + ((b - a) * (i + 0.5)) / 6, b - a < 36e11);
      }
    }
  };
  for (const chart of charts) {
    let start = null;
    chart.svg.addEventListener("pointerdown", (event) => { start = timeAt(chart, event); });
    chart.svg.addEventListener("pointermove", (event) => {
      point(chart, event);
      clear("chosen");
      if (start === null || event.buttons !== 1) { start = null; return; }
      const [a, b] = [screenX(chart, start), screenX(chart, timeAt(chart, event))].sort((p, q) => p - q);
      shape("rect", chart.svg, { class: "chosen", x: a, y: chart.top, width: b - a, height: chart.height });
    });
    chart.svg.addEventListener("pointerup", (event) => {
      clear("chosen");
      const end = timeAt(chart, event);
      if (start !== null && Math.abs(end - start) > (chart.to - chart.from) / 100) {
        zoom(Math.min(start, end), Math.max(start, end));
      }
      start = null;
    });
    chart.svg.addEventListener("pointerleave", () => { clear("cursor"); clear("chosen"); readout.hidden = true; });
    chart.svg.addEventListener("dblclick", () => zoom(null, null));
  }
})();
