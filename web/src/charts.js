// The live charts: one uPlot a metric, one line and one band an arm. All charts share a cursor. Redraws are spread over
// animation frames within a budget, and charts out of sight wait until they are seen.
import uPlot from "uplot";
import baseCss from "uplot/dist/uPlot.min.css";
import { cursorReadout } from "./readout.js";
import { marksPlugin } from "./marks.js";

const BUDGET_MS = 4;
// Frames that charts may wait for when something else fills them.
const PATIENCE = 3;
const HEIGHT = 150;
// A chart whose host says so fills it.
const LEAST_HEIGHT = 110;

const style = document.createElement("style");
style.textContent = baseCss;
document.head.append(style);

const sync = uPlot.sync("goodhart");
const dirty = new Set();
let frame = 0;
let waited = 0;

function pump(begun) {
  frame = 0;
  const start = performance.now();
  if (start - begun > BUDGET_MS && waited < PATIENCE) {
    waited += 1;
    frame = requestAnimationFrame(pump);
    return;
  }
  waited = 0;
  for (const chart of dirty) {
    if (!chart.visible) continue;
    dirty.delete(chart);
    chart.redraw();
    if (performance.now() - start > BUDGET_MS) break;
  }
  if ([...dirty].some((c) => c.visible)) frame = requestAnimationFrame(pump);
}

function mark(chart) {
  dirty.add(chart);
  if (!frame) frame = requestAnimationFrame(pump);
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function format(v) {
  if (v == null || Number.isNaN(v)) return "–";
  const a = Math.abs(v);
  if (a !== 0 && (a < 0.001 || a >= 100000)) return v.toExponential(1);
  return v.toFixed(a >= 100 ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : 3);
}

// Ticks a step apart with as many digits as tell them apart; without a step, as on a logarithmic axis, each by itself.
function ticked(ticks, step) {
  const plain = step > 0 && !/e/.test(String(step)) && ticks.every((v) => v == null || Math.abs(v) < 100000);
  const digits = (String(step).split(".")[1] ?? "").length;
  return ticks.map((v) => (v == null ? "" : plain ? v.toFixed(digits) : format(v)));
}

class Chart {
  constructor(el, label, arms, pull) {
    this.el = el;
    this.pull = pull;
    this.label = label;
    this.arms = arms;
    this.data = null;
    this.marks = [];
    this.log = false;
    this.visible = true;
    this.plot = null;
    this.readout = cursorReadout(el, arms.filter((arm) => !arm.paid), format);
    this.fills = el.closest(".main-chart") !== null;
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(el);
    this.seen = new IntersectionObserver((entries) => {
      this.visible = entries[entries.length - 1].isIntersecting;
      if (this.visible && dirty.has(this)) mark(this);
    });
    this.seen.observe(el);
  }

  options() {
    const grid = { stroke: css("--grid"), width: 1 };
    const axis = { stroke: css("--muted"), grid, ticks: { ...grid, size: 4 }, font: "11px system-ui, sans-serif" };
    const series = [{ label: "update" }];
    const bands = [];
    const paid = this.arms.some((arm) => arm.paid);
    this.arms.forEach((arm, i) => {
      const stroke = css(`--arm-${arm.color}`);
      const scale = arm.paid ? "paid" : "y";
      // Some metrics are not computed at every update: a line goes on over the holes.
      const edge = { scale, stroke: "transparent", points: { show: false }, spanGaps: true };
      series.push({ label: arm.name, scale, stroke, width: arm.paid ? 1.25 : 1.9, dash: arm.dash, points: { show: false }, spanGaps: true }, edge, { ...edge });
      if (!arm.paid) bands.push({ series: [3 * i + 2, 3 * i + 3], fill: css(`--band-${arm.color}`) });
    });
    return {
      width: Math.max(60, this.el.clientWidth),
      height: this.height(),
      legend: { show: false },
      // Without data there is no axis below to hold half of the lowest label.
      padding: [6, 14, () => (this.data[0].length > 0 ? 0 : 8), 0],
      cursor: { sync: { key: sync.key, setSeries: false }, drag: { x: true, y: false }, points: { size: 5 }, y: false },
      scales: {
        x: { time: false },
        y: { distr: this.log ? 3 : 1, range: this.log ? undefined : (_, lo, hi) => padded(lo, hi) },
        ...(paid && { paid: { distr: this.log ? 3 : 1, range: this.log ? undefined : (_, lo, hi) => padded(lo, hi) } }),
      },
      axes: [
        { ...axis, size: 26, space: 60 },
        { ...axis, size: 52, space: 28, values: (_, ticks, at, space, step) => ticked(ticks, this.log ? 0 : step) },
        ...(paid ? [{ ...axis, scale: "paid", side: 1, size: 46, space: 28, grid: { show: false }, values: (_, ticks, at, space, step) => ticked(ticks, this.log ? 0 : step) }] : []),
      ],
      series,
      bands,
      plugins: [marksPlugin(this, css), this.readout.plugin],
    };
  }

  build() {
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), this.data, this.el);
    sync.sub(this.plot);
  }

  redraw() {
    this.take(...this.pull());
    if (!this.plot) this.build();
    else this.plot.setData(this.data);
    this.readout.latest(this.data);
  }

  fit() {
    if (this.plot) this.plot.setSize({ width: Math.max(60, this.el.clientWidth), height: this.height() });
  }

  height() {
    // The line above the chart belongs to the host.
    return this.fills ? Math.max(LEAST_HEIGHT, this.el.clientHeight - 19) : HEIGHT;
  }

  /** There is something new to draw; it is asked for when it is this chart's turn. */
  touch() {
    mark(this);
  }

  /**
   * x: updates; means and halves (half-widths of the interval): one array an arm. The columns are filled in place: new
   * ones at every draw would be most of the page's garbage.
   */
  take(x, means, halves) {
    const columns = 1 + 3 * means.length;
    if (this.data?.length !== columns) this.data = Array.from({ length: columns }, () => []);
    const shown = (v) => Number.isFinite(v) && (!this.log || v > 0);
    const fill = (column, at) => {
      column.length = x.length;
      for (let j = 0; j < x.length; j++) column[j] = at(j);
    };
    // Gaps are null for uPlot; the engine writes NaN.
    const value = (v) => (shown(v) ? v : null);
    fill(this.data[0], (j) => x[j]);
    means.forEach((mean, i) => {
      const half = halves[i];
      fill(this.data[3 * i + 1], (j) => value(mean[j]));
      fill(this.data[3 * i + 2], (j) => value(mean[j] + half[j]));
      fill(this.data[3 * i + 3], (j) => value(mean[j] - half[j]));
    });
  }

  /** [{x, color, text}] */
  setMarks(marks) {
    this.marks = marks;
    mark(this);
  }

  setLog(log) {
    this.log = log;
    this.rebuild();
  }

  /** Colours changed. */
  rebuild() {
    if (!this.plot) return;
    this.plot.destroy();
    this.plot = null;
    mark(this);
  }

  destroy() {
    dirty.delete(this);
    this.resize.disconnect();
    this.seen.disconnect();
    if (this.plot) {
      sync.unsub(this.plot);
      this.plot.destroy();
    }
    this.el.replaceChildren();
  }
}

function padded(lo, hi) {
  if (lo == null || hi == null) return [0, 1];
  if (lo === hi) return [lo - Math.max(0.05, Math.abs(lo) * 0.1), hi + Math.max(0.05, Math.abs(hi) * 0.1)];
  const pad = (hi - lo) * 0.06;
  return [lo - pad, hi + pad];
}

/**
 * @param arms [{name, color: number of the palette, dash: [..] or undefined}]
 * @param pull () -> [x, means, halves], see `take`
 */
export function createChart(el, label, arms, pull) {
  return new Chart(el, label, arms, pull);
}
