// Where a policy's probability goes: arms of a bandit on what they are worth and what they are paid, and answers as a
// histogram.
import { canvas } from "./canvas.js";
import { values } from "./shared.js";

/** Arms as dots: true payoff to the right, what was paid upwards; a disk as large as the policy's probability. */
export function bandit(task) {
  const { contexts, arms, payoff } = task.view;
  const [low, high] = [Math.min(...payoff), Math.max(...payoff)];
  return {
    kind: "spread",
    plays: false,
    note: "all arms",
    aspect: () => 1.25,
    says: (scene) => {
      const worth = payoff.map((x, i) => x * (scene.policy[i] ?? 0)).reduce((a, b) => a + b, 0) / contexts;
      return `The policy's expected payoff is ${worth.toFixed(2)} of at most ${high.toFixed(2)}.`;
    },
    build(stage, figure) {
      // What each arm was last paid, as far as it was tried.
      const paid = new Map();
      let policy = [];
      const view = canvas(stage, figure, {
        still: (ctx, w, h, colors) => {
          const [left, bottom, top, right] = [18, h - 18, 8, w - 8];
          ctx.strokeStyle = colors.grid;
          ctx.lineWidth = 1;
          ctx.strokeRect(left + 0.5, top + 0.5, right - left, bottom - top);
          ctx.setLineDash([3, 4]);
          ctx.strokeStyle = colors.line;
          ctx.beginPath();
          ctx.moveTo(left, bottom);
          ctx.lineTo(right, top);
          ctx.stroke();
          ctx.setLineDash([]);
          ctx.fillStyle = colors.muted;
          ctx.font = "11px system-ui, sans-serif";
          ctx.textAlign = "right";
          ctx.textBaseline = "alphabetic";
          ctx.fillText("truly worth →", right, h - 5);
          ctx.save();
          ctx.translate(12, top);
          ctx.rotate(-Math.PI / 2);
          ctx.fillText("paid →", 0, 0);
          ctx.restore();
          ctx.textAlign = "left";
          const known = [...paid.values()];
          const [p0, p1] = [Math.min(...known), Math.max(...known)];
          const pad = 24;
          const x = (v) => left + pad + ((v - low) / Math.max(1e-6, high - low)) * (right - left - 2 * pad);
          const y = (v) => bottom - pad - ((v - p0) / Math.max(1e-6, p1 - p0)) * (bottom - top - 2 * pad);
          const most = Math.min(w, h) * 0.3;
          for (let i = 0; i < contexts * arms; i += 1) {
            const mass = (policy[i] ?? 0) / contexts;
            const at = paid.get(i);
            if (at == null) continue;
            ctx.fillStyle = colors.own;
            ctx.globalAlpha = 0.42;
            ctx.beginPath();
            ctx.arc(x(payoff[i]), y(at), most * Math.sqrt(mass), 0, 7);
            ctx.fill();
            ctx.globalAlpha = 1;
            ctx.fillStyle = colors.ink;
            ctx.beginPath();
            ctx.arc(x(payoff[i]), y(at), 1.7, 0, 7);
            ctx.fill();
          }
        },
        moving: () => {},
      });
      return {
        fit: () => view.fit(),
        draw: (t) => view.draw(t),
        adopt(scene) {
          policy = scene.policy;
          const sums = new Map();
          for (const s of scene.samples) {
            if (s.reward == null) continue;
            const place = (values(task, s.record, "context")[0] ?? 0) * arms + s.actions[0];
            const [sum, n] = sums.get(place) ?? [0, 0];
            sums.set(place, [sum + s.reward, n + 1]);
          }
          for (const [place, [sum, n]] of sums) {
            const before = paid.get(place);
            paid.set(place, before == null ? sum / n : before + 0.4 * (sum / n - before));
          }
          view.renew();
        },
      };
    },
  };
}

/** Answers: how often each is given; a dashed frame around the one that is paid most, a dot under the truly best. */
export function histogram(task) {
  // What all names begin with says nothing of any of them.
  const start = task.actions.reduce((a, b) => { let i = 0; while (i < a.length && a[i] === b[i]) i += 1; return a.slice(0, i); });
  const names = task.actions.map((name) => name.slice(start.lastIndexOf(" ") + 1) || name);
  return {
    kind: "spread",
    plays: false,
    note: "answers",
    aspect: () => 1.5,
    says: (scene) => {
      const all = scene.taken.reduce((a, b) => a + b, 0);
      const top = scene.taken.indexOf(Math.max(...scene.taken));
      return all ? `It answers "${names[top]}" in ${Math.round((100 * scene.taken[top]) / all)} of 100 samples.` : "";
    },
    build(stage, figure) {
      let scene = null;
      let truth = [];
      const view = canvas(stage, figure, {
        still: (ctx, w, h, colors) => {
          if (!scene) return;
          const n = names.length;
          const all = Math.max(1, scene.taken.reduce((a, b) => a + b, 0));
          const most = Math.max(...scene.taken) / all;
          const width = w / n;
          const room = width > 34;
          const bottom = h - (room ? 28 : 10);
          const best = truth.indexOf(Math.max(...truth));
          const known = scene.paid.map((v) => (Number.isNaN(v) ? -Infinity : v));
          const paid = known.indexOf(Math.max(...known));
          for (let i = 0; i < n; i += 1) {
            const height = ((bottom - 12) * (scene.taken[i] / all)) / Math.max(most, 1e-6);
            const x = i * width + width * 0.14;
            ctx.fillStyle = colors.own;
            ctx.globalAlpha = 0.8;
            ctx.fillRect(x, bottom - height, width * 0.72, height);
            ctx.globalAlpha = 1;
            if (i === paid) {
              ctx.strokeStyle = colors.ink;
              ctx.setLineDash([3, 3]);
              ctx.strokeRect(x - 2, bottom - height - 3, width * 0.72 + 4, height + 3);
              ctx.setLineDash([]);
            }
            ctx.fillStyle = i === best ? colors.ink : colors.muted;
            if (room) {
              ctx.font = `${i === best ? 600 : 400} 11px system-ui, sans-serif`;
              ctx.textAlign = "center";
              ctx.fillText(names[i].length * 6 > width ? names[i].slice(0, Math.floor(width / 7)) : names[i], x + width * 0.36, h - 6);
            }
            if (i === best) {
              ctx.beginPath();
              ctx.arc(x + width * 0.36, bottom + 4, 2.5, 0, 7);
              ctx.fill();
            }
          }
          ctx.strokeStyle = colors.line;
          ctx.beginPath();
          ctx.moveTo(0, bottom + 0.5);
          ctx.lineTo(w, bottom + 0.5);
          ctx.stroke();
        },
        moving: () => {},
      });
      return {
        fit: () => view.fit(),
        draw: (t) => view.draw(t),
        adopt(next) {
          scene = next;
          const sums = names.map(() => [0, 0]);
          for (const s of scene.samples) {
            const sum = sums[s.actions[0]];
            if (sum) { sum[0] += s.score; sum[1] += 1; }
          }
          truth = sums.map(([sum, n], i) => (n ? sum / n : truth[i] ?? -Infinity));
          view.renew();
        },
      };
    },
  };
}
