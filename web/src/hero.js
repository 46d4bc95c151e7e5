// What each strategy does, side by side from the same start: a figure a strategy, all played back on one clock. The samples
// are those of the update that is shown; new ones are taken up when a playback begins anew, so that nothing jumps.
import { drawerOf } from "./drawers.js";
import { number } from "./shared.js";

const FRAME_MS = 33;
// Pixels that are left to the chart below, those of a caption with its gap, and those between figures.
const CHART = 215;
const CAPTION = 56;
const GAP = 16;
// A playback takes about so many seconds at speed 1, and holds its last frame for so long.
const SECONDS = 4.5;
const HOLD = { world: 900, text: 2500 };
const SPEEDS = [0.25, 0.5, 1, 2, 4];

const mean = (all) => {
  const known = all.filter((v) => v != null && !Number.isNaN(v));
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
};

function element(tag, className, parent, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text != null) made.textContent = text;
  parent?.append(made);
  return made;
}

/** The figure of one strategy. */
class Figure {
  constructor(hero, strategy) {
    this.hero = hero;
    this.id = strategy.id;
    this.root = element("figure", "world", hero.worlds);
    const caption = element("figcaption", "", this.root);
    this.button = element("button", "quiet world-name", caption);
    this.button.type = "button";
    element("span", `swatch arm-fill-${strategy.color}`, this.button);
    this.name = element("span", "", this.button);
    this.says = element("span", "world-says", caption);
    this.button.addEventListener("click", () => hero.choose(this.id));
    this.stage = element("div", "world-stage", this.root);
    this.stage.setAttribute("role", "img");
    this.drawer = null;
    this.scene = null;
    this.set(strategy);
  }

  set({ name, color, chosen }) {
    this.title = name;
    this.color = color;
    this.name.textContent = name;
    this.root.classList.toggle("chosen", chosen);
    this.button.setAttribute("aria-pressed", String(chosen));
  }

  adopt(scene) {
    const drawer = this.hero.drawer;
    if (this.drawer !== drawer) {
      this.stage.replaceChildren();
      this.view = drawer.build(this.stage, this);
      this.drawer = drawer;
    }
    this.scene = scene;
    const paid = mean(scene.samples.map((s) => s.reward));
    const truth = mean(scene.samples.map((s) => s.score));
    this.says.replaceChildren();
    element("span", "solid-key", this.says, `true ${number(truth)}`);
    element("span", "dashed-key", this.says, `paid ${number(paid)}`);
    this.stage.setAttribute("aria-label", `${this.title}: ${scene.samples.length} samples, mean true score ${number(truth)}, mean reward ${number(paid)}. ${drawer.says?.(scene) ?? ""}`);
    this.view.adopt(scene);
  }

  draw(t) {
    if (this.scene) this.view.draw(t);
  }
}

class Hero {
  constructor(el, choose) {
    this.choose = choose;
    this.el = el;
    this.worlds = element("div", "worlds", el);
    this.empty = element("p", "empty", el, "The first samples appear here in a moment.");
    this.bar(element("div", "hero-bar", el));
    this.figures = new Map();
    this.pending = null;
    this.drawer = null;
    this.t = 0;
    this.holding = 0;
    this.steps = 1;
    this.last = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.playing = !this.still.matches;
    this.still.addEventListener("change", () => this.play(!this.still.matches));
    this.visible = true;
    this.seen = new IntersectionObserver((all) => { this.visible = all[all.length - 1].isIntersecting; });
    this.seen.observe(el);
    this.stacked = matchMedia("(max-width: 1080px)");
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(el.parentElement);
    this.frame = requestAnimationFrame((now) => this.tick(now));
    this.play(this.playing);
  }

  bar(bar) {
    this.toggle = element("button", "icon hero-play", bar);
    this.toggle.type = "button";
    this.toggle.addEventListener("click", () => this.play(!this.playing));
    this.slider = element("input", "hero-step", bar);
    Object.assign(this.slider, { type: "range", min: 0, max: 1, step: 1 });
    this.slider.setAttribute("aria-label", "Step of the samples");
    this.slider.addEventListener("input", () => {
      // A rest takes the newest samples, which moves the slider.
      const to = Number(this.slider.value);
      this.play(false);
      this.seek(to);
    });
    this.at = element("span", "hero-at", bar);
    this.speed = element("select", "hero-speed", bar);
    this.speed.setAttribute("aria-label", "Speed of the playback");
    for (const speed of SPEEDS) {
      const option = element("option", "", this.speed, `${speed}×`);
      option.value = speed;
      option.selected = speed === 1;
    }
    this.note = element("span", "hero-note", bar);
  }

  play(playing) {
    this.playing = playing;
    this.toggle.textContent = playing ? "❚❚" : "▶";
    this.toggle.setAttribute("aria-label", playing ? "Pause the playback" : "Play the samples");
    if (!playing) this.take(true);
    if (playing && this.t >= this.steps) this.t = 0;
  }

  seek(t) {
    this.t = Math.max(0, Math.min(this.steps, t));
    this.draw();
  }

  /** What the task is: { view, fields: { name: [offset, is list, capacity] }, tokens, actions, horizon }. */
  setTask(task) {
    this.drawer = drawerOf(task);
    this.el.dataset.kind = this.drawer.kind;
    for (const figure of this.figures.values()) figure.scene = null;
    this.shown = null;
  }

  /** The strategies in their order, each with its scene of the update, if there is one. */
  setScenes(update, strategies) {
    const ids = new Set(strategies.map((s) => s.id));
    for (const [id, figure] of this.figures) {
      if (ids.has(id)) continue;
      figure.root.remove();
      this.figures.delete(id);
    }
    for (const strategy of strategies) {
      const known = this.figures.get(strategy.id);
      if (known) known.set(strategy);
      else this.figures.set(strategy.id, new Figure(this, strategy));
      this.worlds.append(this.figures.get(strategy.id).root);
    }
    this.pending = { update, scenes: new Map(strategies.filter((s) => s.scene).map((s) => [s.id, s.scene])) };
    const fresh = [...this.figures.values()].some((figure) => !figure.scene && this.pending.scenes.has(figure.id));
    if (this.pending.scenes.size === 0) {
      for (const figure of this.figures.values()) { figure.scene = null; figure.stage.replaceChildren(); figure.drawer = null; figure.says.textContent = ""; }
      this.shown = null;
    }
    if (fresh || !this.playing || !this.drawer?.plays) this.take(!this.playing);
    this.empty.hidden = this.pending.scenes.size > 0 || this.shown != null;
    this.fit();
  }

  /** Takes up the newest scenes. */
  take(atEnd) {
    const { pending, drawer } = this;
    if (!pending || !drawer || pending.scenes.size === 0) return;
    const scenes = [...pending.scenes.values()];
    this.steps = Math.max(1, drawer.plays ? drawer.steps(scenes) : 1);
    drawer.measure?.(scenes);
    for (const [id, scene] of pending.scenes) this.figures.get(id)?.adopt(scene);
    this.shown = pending.update;
    this.slider.max = this.steps;
    this.el.classList.toggle("still", !drawer.plays);
    this.note.textContent = `${drawer.note} of update ${pending.update}`;
    this.empty.hidden = true;
    if (atEnd && this.t === 0) this.t = this.steps;
    this.fit();
    this.draw();
  }

  /** As many columns as make the figures largest without holes; what the figures leave free is the chart's. */
  fit() {
    const n = this.figures.size;
    const width = this.worlds.clientWidth;
    if (!n || !width) return;
    const stacked = this.stacked.matches;
    const text = this.drawer?.kind === "text";
    const aspect = this.drawer?.aspect?.() ?? 1.4;
    const room = stacked ? Infinity : this.el.parentElement.clientHeight - CHART - 40;
    let best = null;
    for (let columns = 1; columns <= n; columns += 1) {
      const rows = Math.ceil(n / columns);
      const w = width / columns - GAP;
      const h = room / rows - CAPTION;
      // On a phone figures get no smaller than half of it, and stand beside each other where they can.
      if (stacked && columns > 1 && w < (text ? 300 : 145)) continue;
      const size = stacked ? columns : (text ? Math.min(w, 420) * Math.min(1, h / 200) : Math.min(w, h * aspect)) * (n / (columns * rows));
      if (!best || size > best.size) best = { size, columns, rows, height: Math.min(h, text ? (stacked ? 128 : 230) : w / aspect) };
    }
    this.worlds.style.setProperty("--columns", best.columns);
    this.worlds.style.height = `${Math.floor(best.rows * (best.height + CAPTION))}px`;
    for (const figure of this.figures.values()) figure.view?.fit?.();
    this.draw();
  }

  tick(now) {
    this.frame = requestAnimationFrame((next) => this.tick(next));
    if (now - this.last < FRAME_MS) return;
    const passed = Math.min(100, now - this.last);
    this.last = now;
    if (!this.visible || !this.playing || !this.drawer?.plays || this.shown == null) return;
    if (this.holding > 0) {
      this.holding -= passed;
      if (this.holding > 0) return;
      this.t = 0;
      this.take(false);
      return;
    }
    const rate = Math.max(5, this.steps / SECONDS) * Number(this.speed.value);
    this.t = Math.min(this.steps, this.t + rate * passed / 1000);
    if (this.t >= this.steps) this.holding = HOLD[this.drawer.kind] ?? HOLD.world;
    this.draw();
  }

  draw() {
    this.slider.value = Math.round(this.t);
    this.at.textContent = `step ${Math.floor(this.t)} of ${this.steps}`;
    for (const figure of this.figures.values()) figure.draw(this.t);
  }

  /** Colours changed. */
  rebuild() {
    for (const figure of this.figures.values()) if (figure.scene) figure.view.adopt(figure.scene);
    this.draw();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.seen.disconnect();
    this.resize.disconnect();
    this.el.replaceChildren();
  }
}

export function createHero(el, choose) {
  return new Hero(el, choose);
}
