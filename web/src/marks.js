// Marks: a line and a flag at the update where an alarm fired (dashed) or the experiment's moment came (with a label),
// with its sentence on hover.

const NEAR_PX = 7;

// Beside the line, on the side where there is room; what has room on neither is said by its update alone.
function label(ctx, bbox, x, whole, ratio, card) {
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  const room = Math.max(x - bbox.left, bbox.left + bbox.width - x) - 8 * ratio;
  const text = ctx.measureText(whole).width < room ? whole : whole.slice(whole.lastIndexOf(",") + 1).trim();
  const { width } = ctx.measureText(text);
  const right = x + width + 8 * ratio < bbox.left + bbox.width;
  // The curves shine through, the letters stay readable.
  const ink = ctx.fillStyle;
  ctx.fillStyle = card;
  ctx.globalAlpha = 0.75;
  ctx.fillRect(right ? x + 3 * ratio : x - width - 7 * ratio, bbox.top + bbox.height - 18 * ratio, width + 4 * ratio, 16 * ratio);
  ctx.globalAlpha = 1;
  ctx.fillStyle = ink;
  ctx.textAlign = right ? "left" : "right";
  ctx.textBaseline = "bottom";
  ctx.fillText(text, x + (right ? 5 : -5) * ratio, bbox.top + bbox.height - 4 * ratio);
}

export function marksPlugin(chart, css) {
  let tip = null;
  return {
    hooks: {
      ready: (u) => {
        tip = document.createElement("div");
        tip.className = "mark-tip";
        tip.hidden = true;
        u.over.append(tip);
      },
      draw: (u) => {
        const { ctx, bbox } = u;
        const ratio = devicePixelRatio;
        ctx.save();
        for (const mark of chart.marks) {
          const x = u.valToPos(mark.x, "x", true);
          if (!(x >= bbox.left && x <= bbox.left + bbox.width)) continue;
          ctx.strokeStyle = ctx.fillStyle = css(`--arm-${mark.color}`);
          ctx.lineWidth = ratio;
          ctx.setLineDash(mark.label ? [] : [3 * ratio, 3 * ratio]);
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.beginPath();
          ctx.moveTo(x - 5 * ratio, bbox.top);
          ctx.lineTo(x + 5 * ratio, bbox.top);
          ctx.lineTo(x, bbox.top + 8 * ratio);
          ctx.fill();
          if (mark.label) label(ctx, bbox, x, mark.label, ratio, css("--card"));
        }
        ctx.restore();
      },
      setCursor: (u) => {
        if (!tip) return;
        const left = u.cursor.left;
        const near = left >= 0 ? chart.marks.filter((m) => Math.abs(u.valToPos(m.x, "x") - left) < NEAR_PX) : [];
        tip.hidden = near.length === 0;
        if (near.length === 0) return;
        tip.textContent = near.map((m) => m.text).join("\n");
        tip.style.left = `${Math.min(left + 10, Math.max(0, u.over.clientWidth - 230))}px`;
      },
    },
  };
}
