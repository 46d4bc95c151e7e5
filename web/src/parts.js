// What loads beside the page; `app/src/browser/modules.rs` waits for it.
const language = async () => {
  const module = await import("../goodhart-language.js");
  await module.default();
  return module;
};
const gallery = async () => {
  const response = await fetch("./gallery/index.json");
  if (!response.ok) throw new Error(`gallery/index.json: ${response.status}`);
  return response.json();
};
window.goodhartParts = {
  editor: import("./editor.js"), charts: import("./charts.js"), hero: import("./hero.js"), language: language(), gallery: gallery(),
  oracle: import("./oracle.js"),
};
for (const part of Object.values(window.goodhartParts)) part.catch(() => {});
