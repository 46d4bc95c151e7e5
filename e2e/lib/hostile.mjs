// Links that nobody who means well would send, by kind: [name, fragment].
import { deflateRawSync } from "node:zlib";
import { bandit } from "./train.mjs";

// The fragment of any JSON text or value, made as core makes it.
export function pack(value, version = 1) {
  const text = typeof value === "string" || Buffer.isBuffer(value) ? value : JSON.stringify(value);
  return `g${version}.${deflateRawSync(text, { level: 9 }).toString("base64url")}`;
}

const good = pack(bandit());
const MB = 1024 * 1024;

const bombs = [
  ["spaces", " ".repeat(200 * MB)],
  ["a title", JSON.stringify(bandit({ title: "A".repeat(200 * MB) }))],
  ["brackets", "[".repeat(50 * MB)],
  ["a bomb within a bomb", deflateRawSync(" ".repeat(300 * MB), { level: 9 })],
  ["as much as fits", JSON.stringify(bandit({ lesson: "word ".repeat(200_000) }))],
].map(([name, text]) => [name, pack(text)]);

const damaged = [
  ["cut in the middle", good.slice(0, good.length / 2)],
  ["the head alone", "g1."],
  ["two heads", `g1.${good}`],
  ["a negative version", good.replace("g1", "g-1")],
  ["a version like a number", good.replace("g1", "g1e9")],
  ["a version beyond numbers", good.replace("g1", "g99999999999999999999")],
  ["version 0", good.replace("g1", "g0")],
  ["a version that is a word", good.replace("g1", "gNaN")],
  ["percent signs", "g1.%00%0a%ff%"],
  ["not base64", "g1.<>\"'`"],
  ["letters that no link has", `g1.${"é".repeat(500)}`],
  ["half of a pair", "g1.\ud800"],
  ["100 KB", `g1.${"A".repeat(100_000)}`],
  ["2 MB", `g1.${"A".repeat(2 * MB)}`],
  ["not deflate", `g1.${Buffer.from("not deflate at all").toString("base64url")}`],
  ["not UTF-8", pack(Buffer.from([0xff, 0xfe, 0x80, 0x22]))],
  ["an address of a script", "javascript:window.pwned=1"],
  ["markup", "<img src=x onerror=window.pwned=1>"],
  ["a path", "../../../etc/passwd"],
  ["a name with a path", "..%2f..%2fpar"],
  ["the name of a prototype", "__proto__"],
  ["a constructor", "constructor"],
];

const shapes = [
  ["null", null],
  ["a number", 5],
  ["text", "text"],
  ["a list", [1, 2, 3]],
  ["nothing in it", {}],
  ["10,000 lists in each other", `{"version":1,"title":"t","run":{"x":${"[".repeat(10_000)}${"]".repeat(10_000)}}}`],
  ["10,000 objects in each other", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
  ["arms that are text", bandit({ arms: "all" })],
  ["arms that are numbers", bandit({ arms: [1, 2] })],
  ["no arms", bandit({ arms: [] })],
  ["code that is a list", bandit({ arms: [{ name: "a", code: ["x"] }] })],
  ["a task without a kind", bandit({ task: {} })],
  ["a kind that is a number", bandit({ task: { kind: 7 } })],
  ["a key twice", JSON.stringify(bandit()).replace('"title":', '"title":"first","title":')],
].map(([name, value]) => [name, pack(value)]);

const scripts = [
  "<img src=x onerror='window.pwned=1'>",
  "\"'></textarea></title><script>window.pwned=1</script><svg onload=window.pwned=1>",
];
const fields = {
  title: (x) => ({ title: x }),
  lesson: (x) => ({ lesson: x }),
  watch: (x) => ({ lesson: "l", watch: x }),
  theme: (x) => ({ theme: x }),
  id: (x) => ({ id: x }),
  notes: (x) => ({ lesson: "l", notes: x }),
  "the paper": (x) => ({ lesson: "l", paper: { title: x, link: x, claim: x, reproduced: x, status: x } }),
  "a strategy's name": (x) => ({ arms: [{ name: x, code: bandit().arms[0].code }] }),
  code: (x) => ({ arms: [{ name: "a", code: `# ${x}\n${bandit().arms[0].code}` }] }),
  "code that does not compile": (x) => ({ arms: [{ name: "a", code: x }] }),
  "the name of a task": (x) => ({ task: { kind: x } }),
  "the name of a policy": (x) => ({ policy: { kind: x } }),
  "the name of a setting": (x) => ({ algorithm: { [x]: 1 } }),
  "a setting": (x) => ({ algorithm: { estimator: x } }),
  "a setting of the run": (x) => ({ run: { updates: x } }),
  "a chart": (x) => ({ charts: [x, "true_score"] }),
  "the outcome": (x) => ({ outcome: x }),
  "the moment": (x) => ({ lesson: "l", moment: { metric: "true_score", arm: "proxy", when: "above", level: -9, says: x } }),
  "the moment's curve": (x) => ({ lesson: "l", moment: { metric: x, arm: x, when: "peak", says: "s" } }),
  "an edit to try": (x) => ({ lesson: "l", now_try: [{ says: x, arm: x, find: x, replace: x, set: { [x]: x } }] }),
};
const scripted = Object.entries(fields).flatMap(([where, make]) =>
  scripts.map((script, i) => [`${where}, ${i === 0 ? "an image" : "an end of everything"}`, pack(bandit(make(script)))]));

const protocols = [
  "javascript:window.pwned=1", " JaVaScRiPt:window.pwned=1", "java\tscript:window.pwned=1", "data:text/html,<script>opener.pwned=1</script>",
  "vbscript:x", "blob:null/x", "file:///etc/passwd", "//elsewhere.invalid/x", "https://x\" onmouseover=\"window.pwned=1",
].map((link) => [JSON.stringify(link), pack(bandit({ lesson: "l", paper: { title: "A paper", link } }))]);

const keys = ["__proto__", "constructor", "toString"].flatMap((key) => [
  [`${key} as a strategy`, pack(bandit({ arms: [{ name: key, code: bandit().arms[0].code }] }))],
  [`${key} as a setting`, pack(JSON.stringify(bandit()).replace('"learning_rate"', JSON.stringify(key)))],
  [`${key} as a component`, pack(bandit({ arms: [{ name: "a", code: `def ${key}(ep):\n    return 1.0\n` }] }))],
  [`${key} as a section`, pack(JSON.stringify(bandit()).replace("{", `{${JSON.stringify(key)}:{"polluted":1},`))],
]);

const many = [
  ["1000 strategies", { arms: Array.from({ length: 1000 }, (_, i) => ({ name: `${i}`, code: bandit().arms[0].code })) }],
  ["1000 broken strategies", { arms: Array.from({ length: 1000 }, (_, i) => ({ name: `${i}`, code: "def" })) }],
  ["1000 times the same name", { arms: Array.from({ length: 1000 }, () => bandit().arms[0]) }],
  ["5000 charts", { charts: Array.from({ length: 5000 }, (_, i) => `chart ${i}`) }],
  ["the same chart 5000 times", { charts: Array.from({ length: 5000 }, () => "true_score") }],
  ["5000 settings", { algorithm: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`setting${i}`, i])) }],
  ["1000 edits to try", { lesson: "l", now_try: Array.from({ length: 1000 }, () => ({ says: "s" })) }],
  ["500 KB of code", { arms: [{ name: "a", code: `def a(ep):\n${"    x = 1.0\n".repeat(50_000)}    return x\n` }] }],
  ["brackets in code", { arms: [{ name: "a", code: `def a(ep):\n    return ${"(".repeat(100_000)}1${")".repeat(100_000)}\n` }] }],
].map(([name, change]) => [name, pack(bandit(change))]);

const unseen = [
  ["right to left from here", "safe\u202e)gnp.eertsitahw("],
  ["isolates without an end", "\u2067\u2066\u2068".repeat(50)],
  ["nothing to be seen", "\u200b\u200c\u200d\u2060\ufeff"],
  ["a letter under 3000 marks", `a${"\u0301".repeat(3000)}`],
  ["a word of 20,000 letters", "W".repeat(20_000)],
  ["lines", "a\nb\r\nc\u2028d\u2029e\u0085f\0g\u001bh"],
].flatMap(([name, text]) => [
  [`${name}, in the title`, pack(bandit({ title: text, lesson: text }))],
  [`${name}, in a strategy's name`, pack(bandit({ arms: [{ ...bandit().arms[0], name: text }] }))],
]);

const numbers = [
  { run: { updates: 1e308 } }, { run: { updates: -1 } }, { run: { updates: 0.5 } }, { run: { seeds: 1e9 } }, { run: { seeds: 0 } },
  { run: { groups: 1e9, num_generations: 1e9 } }, { run: { first_seed: 1e15 } }, { task: { kind: "bandit", arms: 1e12 } },
  { task: { kind: "bandit", arms: -5 } }, { policy: { kind: "mlp", hidden: Array(200).fill(1e6) } }, { policy: { kind: "mlp", hidden: [1e300] } },
  { algorithm: { learning_rate: 1e300 } }, { algorithm: { learning_rate: -1 } }, { version: 0 }, { version: -1 }, { version: 1.5 },
  { version: 1e99 }, { base: { steps: 4294967295 } }, { base: { steps: -1, batch: 1e9 } },
].map((change) => [JSON.stringify(change).slice(0, 60), pack(bandit(change))]);
const notNumbers = ["1e999", "-1e999", "NaN", "0x10"].map((text) => [
  `updates: ${text}`, pack(JSON.stringify(bandit()).replace('"updates":400', `"updates":${text}`)),
]);

export const corpus = Object.entries({
  "zip bombs": bombs,
  "damaged links": damaged,
  "wrong shapes": shapes,
  "script in a text": scripted,
  "other protocols": protocols,
  "keys of prototypes": keys,
  "too many": many,
  "text that hides": unseen,
  "absurd numbers": [...numbers, ...notNumbers],
});
