// Episodes that move: points of a plane, cars on a track, a pole on a cart, curves over the steps.
import { canvas, between, over, trail } from "./canvas.js";
import { values } from "./shared.js";

const SHOWN = 8;

const shown = (scene) => scene.samples.slice(0, Math.max(1, Math.min(SHOWN, scene.group)));
const stepsOf = (task, name) => (scenes) =>
  Math.max(...scenes.flatMap((scene) => shown(scene).map((s) => values(task, s.record, name).length - 1)));

function bounds(points) {
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
  }
  if (x0 > x1) return [0, 1, 0, 1];
  const [px, py] = [(x1 - x0) * 0.08 + 1e-6, (y1 - y0) * 0.1 + 1e-6];
  return [x0 - px, x1 + px, y0 - py, y1 + py];
}

/** Points of a plane with a line that does not move; a track is a road along that line. */
export function plane(task) {
  const { fields: [xs, ys, headings], line, drawing } = task.view;
  const road = drawing === "track";
  let box = bounds(line);
  const way = (s) => [...values(task, s.record, xs)].map((x, i) => [x, values(task, s.record, ys)[i]]);
  return {
    kind: "world",
    plays: true,
    note: "samples",
    aspect: () => Math.min(3, Math.max(0.9, (box[1] - box[0]) / (box[3] - box[2]))),
    steps: stepsOf(task, xs),
    measure(scenes) {
      // What runs far away would shrink everything else: with a line, the box is the line's and a margin around it.
      const all = scenes.flatMap((scene) => shown(scene).flatMap(way));
      if (line.length < 2) { box = bounds(all); return; }
      const own = bounds(line);
      const [mx, my] = [(own[1] - own[0]) * 0.25, (own[3] - own[2]) * 0.25];
      const inside = all.filter(([x, y]) => x > own[0] - mx && x < own[1] + mx && y > own[2] - my && y < own[3] + my);
      box = bounds([...line, ...inside]);
    },
    build(stage, figure) {
      let ways = [];
      let place = null;
      let unit = 1;
      const view = canvas(stage, figure, {
        still: (ctx, w, h, colors) => {
          const [x0, x1, y0, y1] = box;
          unit = Math.min(w / (x1 - x0), h / (y1 - y0));
          const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
          // A valley or a hill may be stretched; a road may not.
          const [ux, uy] = road || headings ? [unit, unit] : [w / (x1 - x0), Math.min(h / (y1 - y0), 1.3 * unit)];
          place = ([x, y]) => [w / 2 + (x - cx) * ux, h / 2 - (y - cy) * uy];
          if (line.length > 1) {
            ctx.beginPath();
            line.forEach((p, i) => { const [x, y] = place(p); if (i) ctx.lineTo(x, y); else ctx.moveTo(x, y); });
            if (road) ctx.closePath();
            ctx.lineJoin = ctx.lineCap = "round";
            ctx.strokeStyle = road ? colors.line : colors.muted;
            ctx.lineWidth = road ? Math.max(10, Math.min(w, h) * 0.07) : 2;
            ctx.stroke();
            if (road) {
              ctx.setLineDash([5, 6]);
              ctx.strokeStyle = colors.muted;
              ctx.lineWidth = 1;
              ctx.stroke();
              ctx.setLineDash([]);
            }
          } else {
            ctx.strokeStyle = colors.line;
            ctx.lineWidth = 1;
            ctx.strokeRect(0.5, 0.5, w - 1, h - 1);
          }
        },
        moving: (ctx, w, h, colors, t) => {
          if (!place) return;
          ctx.strokeStyle = ctx.fillStyle = colors.own;
          ways.forEach(({ points, angles, good }) => {
            if (points.length < 2) return;
            const at = (i) => place(points[i]);
            const last = points.length - 1;
            trail(ctx, Math.min(t, last), at, 22, 1.6);
            const [x, y] = between(t, points.length, at);
            if (t >= last) return over(ctx, x, y, 4.5, good);
            ctx.globalAlpha = 1;
            ctx.beginPath();
            if (angles.length) {
              const a = -angles[Math.min(Math.floor(t), angles.length - 1)];
              ctx.moveTo(x + 9 * Math.cos(a), y + 9 * Math.sin(a));
              ctx.lineTo(x + 6 * Math.cos(a + 2.5), y + 6 * Math.sin(a + 2.5));
              ctx.lineTo(x + 6 * Math.cos(a - 2.5), y + 6 * Math.sin(a - 2.5));
              ctx.closePath();
            } else ctx.arc(x, y, 4.5, 0, 7);
            ctx.fill();
          });
          ctx.globalAlpha = 1;
        },
      });
      return {
        fit: () => view.fit(),
        draw: (t) => view.draw(t),
        adopt(scene) {
          ways = shown(scene).map((s) => ({ points: way(s), angles: headings ? [...values(task, s.record, headings)] : [], good: s.score >= 0.5 }));
          view.renew();
        },
      };
    },
  };
}

/** A cart with a pole: positions and angles from upright. Those that fell lie. */
export function pole(task) {
  const [positions, angles] = task.view.fields;
  let reach = 2.4;
  return {
    kind: "world",
    plays: true,
    note: "samples",
    aspect: () => 1.8,
    steps: stepsOf(task, positions),
    measure(scenes) {
      reach = Math.max(0.5, ...scenes.flatMap((scene) => shown(scene).flatMap((s) => [...values(task, s.record, positions)].map(Math.abs))));
    },
    build(stage, figure) {
      let ways = [];
      const view = canvas(stage, figure, {
        still: (ctx, w, h, colors) => {
          ctx.strokeStyle = colors.muted;
          ctx.lineWidth = 1.5;
          ctx.beginPath();
          ctx.moveTo(8, h * 0.76);
          ctx.lineTo(w - 8, h * 0.76);
          ctx.moveTo(w / 2, h * 0.76);
          ctx.lineTo(w / 2, h * 0.79);
          ctx.stroke();
        },
        moving: (ctx, w, h, colors, t) => {
          const unit = (w / 2 - 24) / reach;
          const length = Math.min(h * 0.55, w * 0.4);
          ways.forEach(({ x, a }, k) => {
            const i = Math.min(Math.floor(t), x.length - 1);
            const fell = t >= x.length - 1 && x.length - 1 < task.horizon;
            const [cx, cy] = [w / 2 + x[i] * unit, h * 0.76];
            ctx.globalAlpha = k === 0 ? 1 : 0.38;
            ctx.strokeStyle = ctx.fillStyle = colors.own;
            ctx.fillRect(cx - 15, cy - 9, 30, 9);
            ctx.lineWidth = 4;
            ctx.lineCap = "round";
            ctx.setLineDash(fell ? [5, 6] : []);
            ctx.beginPath();
            ctx.moveTo(cx, cy - 9);
            ctx.lineTo(cx + length * Math.sin(a[i]), cy - 9 - length * Math.cos(a[i]));
            ctx.stroke();
            ctx.setLineDash([]);
          });
          ctx.globalAlpha = 1;
        },
      });
      return {
        fit: () => view.fit(),
        draw: (t) => view.draw(t),
        adopt(scene) {
          ways = shown(scene).map((s) => ({ x: [...values(task, s.record, positions)], a: [...values(task, s.record, angles)] }));
          view.renew();
        },
      };
    },
  };
}

/** Lists over the steps: what is past is drawn strongly, what comes faintly. */
export function curves(task) {
  const names = task.view.fields;
  const ranges = new Map();
  return {
    kind: "world",
    plays: true,
    note: "samples",
    aspect: () => 1.8,
    steps: (scenes) => Math.max(...names.map((name) => stepsOf(task, name)(scenes))),
    measure(scenes) {
      for (const name of names) {
        const all = scenes.flatMap((scene) => shown(scene).flatMap((s) => [...values(task, s.record, name)]));
        const [low, high] = all.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
        ranges.set(name, [low, Math.max(high, low + 1e-6), Math.max(1, ...scenes.flatMap((scene) => shown(scene).map((s) => values(task, s.record, name).length - 1)))]);
      }
    },
    build(stage, figure) {
      let lines = [];
      const row = (k, h) => [k * h / names.length + 14, (k + 1) * h / names.length - 6];
      const view = canvas(stage, figure, {
        still: (ctx, w, h, colors) => {
          names.forEach((name, k) => {
            const [top, bottom] = row(k, h);
            ctx.fillStyle = colors.muted;
            ctx.font = "11px system-ui, sans-serif";
            ctx.textBaseline = "alphabetic";
            ctx.fillText(name.replaceAll("_", " "), 0, top - 3);
            ctx.strokeStyle = colors.grid;
            ctx.strokeRect(0.5, top, w - 1, bottom - top);
          });
        },
        moving: (ctx, w, h, colors, t) => {
          ctx.strokeStyle = colors.own;
          names.forEach((name, k) => {
            const [top, bottom] = row(k, h);
            const [low, high, most] = ranges.get(name) ?? [0, 1, 1];
            const at = (v, i) => [(i / most) * (w - 2) + 1, bottom - ((v - low) / (high - low)) * (bottom - top)];
            lines.forEach((line, s) => {
              for (const [end, alpha, width] of [[line[k].length - 1, 0.14, 1], [Math.min(Math.floor(t), line[k].length - 1), s === 0 ? 1 : 0.45, s === 0 ? 2 : 1.2]]) {
                ctx.globalAlpha = alpha;
                ctx.lineWidth = width;
                ctx.beginPath();
                for (let i = 0; i <= end; i += 1) { const [x, y] = at(line[k][i], i); if (i) ctx.lineTo(x, y); else ctx.moveTo(x, y); }
                ctx.stroke();
              }
            });
          });
          ctx.globalAlpha = 1;
        },
      });
      return {
        fit: () => view.fit(),
        draw: (t) => view.draw(t),
        adopt(scene) {
          lines = shown(scene).map((s) => names.map((name) => [...values(task, s.record, name)]));
          view.renew();
        },
      };
    },
  };
}
