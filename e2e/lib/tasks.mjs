// How long the tasks of the main thread are: the time that they compute (`cpu`) and the time that passes (`wall`), which
// on a machine with as many workers as cores is longer through no fault of the task. Milliseconds, longest first.
export async function mainThreadTasks(browser, during) {
  const session = await browser.newBrowserCDPSession();
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel"] } });
  await during();
  const complete = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.end");
  await complete;
  await session.detach();
  const thread = ({ pid, tid }) => `${pid}.${tid}`;
  const main = new Set(events.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map(thread));
  const tasks = events.filter((e) => e.ph === "X" && main.has(thread(e)) && e.name.endsWith("RunTask"));
  const longest = (field) => tasks.map((e) => (e[field] ?? 0) / 1000).sort((a, b) => b - a);
  return { cpu: longest("tdur"), wall: longest("dur") };
}
