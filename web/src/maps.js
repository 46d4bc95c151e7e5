// Maps: agents as dots with trails, the floor shaded by visits.
import { canvas, between, over, trail } from "./canvas.js";
import { values } from "./shared.js";

const SHOWN = 8;
const JITTER = 0.2;

const played = (task, name) => (scenes) =>
  Math.max(...scenes.flatMap((scene) => scene.samples.slice(0, SHOWN).map((s) => values(task, s.record, name).length - 1)));

// Agents in one cell stand beside each other.
const aside = (k, n) => (n < 2 ? [0, 0] : [JITTER * Math.cos((2 * Math.PI * k) / n), JITTER * Math.sin((2 * Math.PI * k) / n)]);

// A ring of walls is drawn as thin as this.
const RING = 0.3;

const ringed = (rows, cols, letter) => rows > 3 && cols > 3 && Array.from({ length: rows * cols }, (_, i) => i)
  .every((i) => (i >= cols && i < (rows - 1) * cols && i % cols && (i + 1) % cols) || letter(i) === "#");

function floor(ctx, w, h, colors, { rows, cols, letter, visits, flip }) {
  const less = !flip && ringed(rows, cols, letter) ? 1 - RING : 0;
  const side = Math.min(w / (cols - 2 * less), h / (rows - 2 * less));
  const [left, top] = [(w - side * cols) / 2, (h - side * rows) / 2];
  ctx.save();
  ctx.beginPath();
  ctx.rect(left + less * side, top + less * side, (cols - 2 * less) * side, (rows - 2 * less) * side);
  ctx.clip();
  const most = Math.max(...visits, 1e-9);
  for (let i = 0; i < rows * cols; i += 1) {
    const [r, c] = flip ? [0, i] : [Math.floor(i / cols), i % cols];
    const [x, y] = [left + c * side, top + r * side];
    const kind = letter(i);
    ctx.fillStyle = kind === "#" ? colors.wall : colors.bg;
    ctx.fillRect(x, y, side, side);
    const share = (visits[i] ?? 0) / most;
    if (share > 0 && kind !== "#") {
      ctx.globalAlpha = 0.5 * Math.sqrt(share);
      ctx.fillStyle = colors.own;
      ctx.fillRect(x, y, side, side);
      ctx.globalAlpha = 1;
    }
    ctx.strokeStyle = colors.line;
    ctx.lineWidth = 0.5;
    ctx.strokeRect(x, y, side, side);
    sign(ctx, kind, x + side / 2, y + side / 2, side, colors);
  }
  ctx.restore();
  return { side, left, top };
}

// What stands on a cell, by shape: colours are the strategies'.
function sign(ctx, kind, x, y, side, colors) {
  ctx.strokeStyle = ctx.fillStyle = colors.ink;
  ctx.lineWidth = Math.max(1, side * 0.06);
  ctx.beginPath();
  if (kind === "G") {
    ctx.moveTo(x - side * 0.2, y + side * 0.32);
    ctx.lineTo(x - side * 0.2, y - side * 0.34);
    ctx.lineTo(x + side * 0.26, y - side * 0.16);
    ctx.lineTo(x - side * 0.2, y + side * 0.02);
    ctx.stroke();
  } else if (kind === "C") {
    ctx.arc(x, y, side * 0.26, 0, 7);
    ctx.stroke();
    label(ctx, "$", x, y, side * 0.34);
  } else if (kind === "L") {
    for (let k = -1; k <= 1; k += 1) {
      ctx.moveTo(x - side * 0.4, y + k * side * 0.24);
      ctx.quadraticCurveTo(x - side * 0.2, y + k * side * 0.24 - side * 0.16, x, y + k * side * 0.24);
      ctx.quadraticCurveTo(x + side * 0.2, y + k * side * 0.24 + side * 0.16, x + side * 0.4, y + k * side * 0.24);
    }
    ctx.stroke();
  } else if (kind === "S") {
    ctx.globalAlpha = 0.55;
    label(ctx, "start", x, y, side * 0.26);
    ctx.globalAlpha = 1;
  } else if (kind === "K" || kind === "D") {
    label(ctx, kind === "K" ? "key" : "door", x, y, side * 0.28);
  }
}

function label(ctx, words, x, y, size) {
  ctx.font = `600 ${Math.max(7, size)}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(words, x, y);
}

function agents(ctx, colors, t, ways, place, side) {
  ctx.strokeStyle = ctx.fillStyle = colors.own;
  ways.forEach(({ way, good }, k) => {
    const [dx, dy] = aside(k, ways.length);
    const at = (i) => { const [x, y] = place(way[i]); return [x + dx * side, y + dy * side]; };
    const last = way.length - 1;
    trail(ctx, Math.min(t, last), at, 14, Math.max(1.2, side * 0.07));
    const [x, y] = between(t, way.length, at);
    const r = Math.max(2.2, side * 0.13);
    if (t >= last) return over(ctx, x, y, r, good);
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 7);
    ctx.fill();
    ctx.lineWidth = 1;
    ctx.strokeStyle = colors.card;
    ctx.stroke();
    ctx.strokeStyle = colors.own;
  });
  ctx.globalAlpha = 1;
}

/** A map of the task; its record has the list `cells`. */
export function map(task) {
  const { rows, cols, cells } = task.view;
  const lies = cols === 1;
  const size = lies ? { rows: 1, cols: rows } : { rows, cols };
  return {
    kind: "world",
    plays: true,
    note: "samples",
    aspect: () => size.cols / size.rows,
    steps: played(task, "cells"),
    build(stage, figure) {
      let scene = null;
      let ways = [];
      let frame = null;
      let own = null;
      const place = (cell) => [frame.left + ((cell % size.cols) + 0.5) * frame.side, frame.top + (Math.floor(cell / size.cols) + 0.5) * frame.side];
      const view = canvas(stage, figure, {
        still: (ctx, w, h, colors) => {
          if (!scene) return;
          const letter = (i) => (own ? (i === own.start ? "S" : i === own.goal ? "G" : ".") : cells[i]);
          frame = floor(ctx, w, h, colors, { ...size, flip: lies, letter, visits: own ? [] : scene.visits });
        },
        moving: (ctx, w, h, colors, t) => {
          if (frame) agents(ctx, colors, t, ways, place, frame.side);
        },
      });
      return {
        fit: () => view.fit(),
        draw: (t) => view.draw(t),
        adopt(next) {
          scene = next;
          ways = scene.samples.slice(0, Math.min(SHOWN, scene.group)).map((s) => ({ way: [...values(task, s.record, "cells")], good: s.score >= 0.5 }));
          // A group that played a map of its own, whose walls are not told.
          const first = scene.samples[0];
          const shared = task.fields.shared && first ? values(task, first.record, "shared")[0] > 0.5 : true;
          own = shared ? null : { start: ways[0]?.way[0], goal: values(task, first.record, "goal_cell")[0] };
          view.renew();
        },
      };
    },
  };
}

/** Cells by row and column, which two lists of the record tell. */
export function cells(task) {
  const [row, col] = task.view.fields;
  let size = { rows: 2, cols: 2 };
  return {
    kind: "world",
    plays: true,
    note: "samples",
    aspect: () => size.cols / size.rows,
    steps: played(task, row),
    measure(scenes) {
      for (const sample of scenes.flatMap((scene) => scene.samples)) {
        size = {
          rows: Math.max(size.rows, ...values(task, sample.record, row).map((v) => v + 1)),
          cols: Math.max(size.cols, ...values(task, sample.record, col).map((v) => v + 1)),
        };
      }
    },
    build(stage, figure) {
      let ways = [];
      let visits = [];
      let frame = null;
      const place = ([r, c]) => [frame.left + (c + 0.5) * frame.side, frame.top + (r + 0.5) * frame.side];
      const view = canvas(stage, figure, {
        still: (ctx, w, h, colors) => { frame = floor(ctx, w, h, colors, { ...size, letter: () => ".", visits }); },
        moving: (ctx, w, h, colors, t) => { if (frame) agents(ctx, colors, t, ways, place, frame.side); },
      });
      return {
        fit: () => view.fit(),
        draw: (t) => view.draw(t),
        adopt(scene) {
          visits = new Array(size.rows * size.cols).fill(0);
          const way = (s) => [...values(task, s.record, row)].map((r, i) => [r, values(task, s.record, col)[i]]);
          for (const s of scene.samples) for (const [r, c] of way(s)) visits[r * size.cols + c] += 1;
          ways = scene.samples.slice(0, Math.min(SHOWN, scene.group)).map((s) => ({ way: way(s), good: s.score >= 0.5 }));
          view.renew();
        },
      };
    },
  };
}
