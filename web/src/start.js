// Starts the page's own module, whose names trunk writes into this script's element (Trunk.toml): a script in the page
// itself would need a hole in its content security policy.
const { js, wasm } = document.querySelector("script[data-wasm]").dataset;
const page = await import(new URL(js, document.baseURI).href);
await page.default({ module_or_path: new URL(wasm, document.baseURI).href });
