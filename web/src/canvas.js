// A canvas that fits its box, with a layer that is drawn once a scene and one that is drawn every frame.
import { css } from "./shared.js";

export const palette = (color) => ({
  ink: css("--ink"), muted: css("--muted"), line: css("--line"), grid: css("--grid"), card: css("--card"), bg: css("--bg"),
  wall: css("--wall"), own: css(`--arm-${color}`),
});

/** `still(ctx, w, h, colors)` draws what does not move, `moving(ctx, w, h, colors, t)` what does. */
export function canvas(stage, figure, { still, moving }) {
  const el = document.createElement("canvas");
  stage.append(el);
  const back = document.createElement("canvas");
  let colors = palette(figure.color);
  let [width, height] = [0, 0];
  const layer = () => {
    const ctx = back.getContext("2d");
    const ratio = devicePixelRatio || 1;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    still(ctx, width, height, colors);
  };
  return {
    fit() {
      const [w, h] = [stage.clientWidth, stage.clientHeight];
      if (!w || !h || (w === width && h === height)) return;
      [width, height] = [w, h];
      const ratio = devicePixelRatio || 1;
      for (const one of [el, back]) {
        one.width = Math.round(w * ratio);
        one.height = Math.round(h * ratio);
      }
      el.style.width = `${w}px`;
      el.style.height = `${h}px`;
      layer();
    },
    renew() {
      colors = palette(figure.color);
      this.fit();
      if (width) layer();
    },
    draw(t) {
      if (!width) this.fit();
      if (!width) return;
      const ctx = el.getContext("2d");
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.clearRect(0, 0, el.width, el.height);
      ctx.drawImage(back, 0, 0);
      const ratio = devicePixelRatio || 1;
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      moving(ctx, width, height, colors, t);
    },
  };
}

/** The mark of a sample that is over: a ring where it succeeded, a cross where it did not. */
export function over(ctx, x, y, r, good) {
  ctx.globalAlpha = 1;
  ctx.lineWidth = Math.max(1.5, r * 0.4);
  ctx.beginPath();
  if (good) {
    ctx.arc(x, y, r, 0, 7);
    ctx.fill();
    ctx.beginPath();
    ctx.arc(x, y, r * 1.8, 0, 7);
  } else {
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
  }
  ctx.stroke();
}

/** A trail: the last points of a way, fading; `at(i)` gives the point of step i. */
export function trail(ctx, t, at, length, width) {
  const from = Math.max(0, Math.floor(t) - length);
  const end = Math.floor(t);
  ctx.lineWidth = width;
  ctx.lineCap = ctx.lineJoin = "round";
  for (let i = from; i < end; i += 1) {
    const [x0, y0] = at(i);
    const [x1, y1] = at(i + 1);
    ctx.globalAlpha = 0.08 + 0.55 * ((i - from + 1) / (end - from));
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
  }
}

/** Between two points of a way. */
export function between(t, n, at) {
  const last = n - 1;
  if (t >= last) return at(last);
  const i = Math.floor(t);
  const f = t - i;
  const [a, b] = [at(i), at(i + 1)];
  return [a[0] + (b[0] - a[0]) * f, a[1] + (b[1] - a[1]) * f];
}
