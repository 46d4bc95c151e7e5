// Before anything is painted: the theme, and the first engine worker, which starts while the page still loads.
try {
  const theme = localStorage.getItem("goodhart.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* storage is blocked: follow the system */ }
try {
  const worker = new Worker("./goodhart-worker_loader.js", { type: "module" });
  const messages = [];
  worker.onmessage = (m) => messages.push(m.data);
  worker.onerror = (e) => messages.push(String(e.message || "the engine's file did not load"));
  window.goodhartEarly = { worker, messages };
} catch { /* the page says so when it starts its own */ }
