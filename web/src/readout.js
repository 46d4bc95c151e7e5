// The line above a chart: each arm's value under the cursor, or its latest one.

export function cursorReadout(el, arms, format) {
  const box = document.createElement("div");
  box.className = "readout";
  const when = document.createElement("span");
  when.className = "readout-when";
  const values = arms.map((arm) => {
    const span = document.createElement("span");
    span.className = `readout-value arm-ink-${arm.color}`;
    span.title = arm.name;
    return span;
  });
  box.append(when, ...values);
  el.append(box);
  let hovering = false;
  let last = null;

  const show = (data, idx, now) => {
    when.textContent = now ? "" : `at ${data[0][idx]}:`;
    values.forEach((span, i) => {
      const means = data[3 * i + 1];
      const at = now ? means.findLastIndex((m) => m != null) : idx;
      const mean = means[at];
      const top = data[3 * i + 2][at];
      const half = mean == null || top == null ? null : top - mean;
      span.textContent = mean == null ? "–" : `${format(mean)}${half > 0 ? ` ±${format(half)}` : ""}`;
    });
  };
  const latest = (data) => {
    last = data;
    if (hovering) return;
    if (data[0].length === 0) {
      for (const span of [when, ...values]) span.textContent = "";
      return;
    }
    show(data, data[0].length - 1, true);
    const none = values.every((_, i) => data[3 * i + 1].every((v) => v == null));
    if (none) when.textContent = "not computed in this run";
  };
  return {
    latest,
    plugin: {
      hooks: {
        setCursor: (u) => {
          const idx = u.cursor.idx;
          hovering = idx != null;
          if (hovering) show(u.data, idx, false);
          else if (last) latest(last);
        },
      },
    },
  };
}
