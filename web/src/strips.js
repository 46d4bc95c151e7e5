// Samples as strips of text: tinted the more, the larger the advantage; its sign is an arrow up or down.
import { number } from "./shared.js";

const SHOWN = 8;

/** Tokens, or the names of the actions one after another. */
export function text(task) {
  const writes = task.view.kind === "tokens";
  const names = writes ? task.tokens : task.actions;
  const shown = (scene) => scene.samples.slice(0, Math.max(1, Math.min(SHOWN, scene.group)));
  const word = (id) => names[id] ?? `#${id}`;
  return {
    kind: "text",
    plays: true,
    note: writes ? "texts" : "samples",
    aspect: () => 1.5,
    steps: (scenes) => Math.max(...scenes.flatMap((scene) => shown(scene).map((s) => s.actions.length))),
    build(stage, figure) {
      const prompt = document.createElement("p");
      prompt.className = "strip-prompt tokens";
      const list = document.createElement("ol");
      list.className = "strips";
      stage.style.setProperty("--own", `var(--arm-${figure.color})`);
      stage.append(prompt, list);
      let rows = [];
      return {
        adopt(scene) {
          prompt.textContent = writes && scene.prompt.length ? `prompt ${Array.from(scene.prompt, word).join(" ")}` : "";
          const samples = shown(scene);
          const scale = Math.max(1e-6, ...samples.map((s) => Math.abs(s.advantage) || 0));
          list.replaceChildren();
          rows = samples.map((s) => {
            const row = document.createElement("li");
            const sign = document.createElement("span");
            sign.className = "strip-sign";
            sign.textContent = s.advantage > 0 ? "▲" : s.advantage < 0 ? "▼" : "·";
            sign.title = `advantage ${number(s.advantage)}`;
            const words = document.createElement("span");
            words.className = "strip-text tokens";
            words.style.setProperty("--tint", `${Math.round((100 * Math.abs(s.advantage || 0)) / scale)}%`);
            const [done, rest] = [document.createElement("span"), document.createElement("span")];
            rest.className = "strip-rest";
            words.append(done, rest);
            const end = document.createElement("span");
            end.className = "strip-end";
            end.textContent = s.score >= 0.5 ? "✓" : "✗";
            end.title = `true score ${number(s.score)}, paid ${number(s.reward)}`;
            row.append(sign, words, end);
            list.append(row);
            return { done, rest, all: Array.from(s.actions, word), at: -1 };
          });
        },
        draw(t) {
          for (const row of rows) {
            const n = Math.min(row.all.length, Math.floor(t));
            if (n === row.at) continue;
            row.at = n;
            // What is not written yet shines through.
            row.done.textContent = row.all.slice(0, n).join(" ");
            row.rest.textContent = ` ${row.all.slice(n).join(" ")}`;
          }
        },
      };
    },
  };
}
