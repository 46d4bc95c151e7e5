// The order of a module's functions that gzip likes: it finds again what stood within the last 32 KB, so functions that
// share the most come one after another.

// The bytes of a phrase; two functions share a phrase or they do not.
const PHRASE = 6;
// How far back gzip sees, less what its blocks take.
const WINDOW = 30_000;
// A phrase in more functions than these says nothing about which belong together.
const COMMON = 200;
// The exponent of a function's size by which what it shares is divided: large ones share more of everything.
const SIZE = 0.7;

const CUSTOM = 0, IMPORT = 2, CODE = 10;
const FUNCTION = 0, TABLE = 1, MEMORY = 2, GLOBAL = 3;

class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  byte() {
    return this.bytes[this.at++];
  }
  number() {
    let value = 0, scale = 1, byte;
    do {
      byte = this.byte();
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  }
  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  limits() {
    const bounded = this.byte() & 1;
    this.number();
    if (bounded) this.number();
  }
  import() {
    this.take(this.number());
    this.take(this.number());
    const kind = this.byte();
    if (kind === FUNCTION) this.number();
    else if (kind === TABLE) { this.byte(); this.limits(); }
    else if (kind === MEMORY) this.limits();
    else if (kind === GLOBAL) this.take(2);
    else throw new Error(`web/order.mjs does not know imports of kind ${kind}`);
    return kind;
  }
}

function number(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value);
  return bytes;
}

function sized(bytes) {
  return Buffer.concat([Buffer.from(number(bytes.length)), bytes]);
}

/// How many functions a module imports, and the code of its own.
function functions(module) {
  const reader = new Reader(module, 8);
  let imported = 0;
  const code = [];
  while (reader.at < module.length) {
    const id = reader.byte();
    const length = reader.number();
    const end = reader.at + length;
    if (id === IMPORT) for (let n = reader.number(); n > 0; n--) imported += reader.import() === FUNCTION;
    if (id === CODE) for (let n = reader.number(); n > 0; n--) code.push(reader.take(reader.number()));
    reader.at = end;
  }
  return { imported, code };
}

/// The phrases of every function that others have too, and the functions of every phrase.
function phrases(code) {
  const holders = new Map();
  const all = code.map((bytes, f) => {
    const own = new Set();
    for (let at = 0; at + PHRASE <= bytes.length; at++) {
      let hash = 0;
      for (let i = at; i < at + PHRASE; i++) hash = (Math.imul(hash ^ bytes[i], 0x01000193) + 0x9e37) | 0;
      own.add(hash);
    }
    for (const phrase of own) {
      const list = holders.get(phrase);
      if (list) list.push(f);
      else holders.set(phrase, [f]);
    }
    return own;
  });
  const tells = (phrase) => holders.get(phrase).length > 1 && holders.get(phrase).length <= COMMON;
  return { own: all.map((set) => [...set].filter(tells)), holders };
}

/// The functions, each followed by the one that shares the most with what stands within the window; rare phrases count
/// for more.
function order(code) {
  const { own, holders } = phrases(code);
  const shared = new Float64Array(code.length);
  const inWindow = new Map();
  const count = (f, by) => {
    for (const phrase of own[f]) {
      const before = inWindow.get(phrase) ?? 0;
      inWindow.set(phrase, before + by);
      if ((before === 0) === (before + by === 0)) continue;
      const list = holders.get(phrase);
      for (const other of list) shared[other] += by / Math.sqrt(list.length);
    }
  };
  const divisor = code.map((bytes) => bytes.length ** SIZE);
  const left = new Set(code.keys());
  const placed = [];
  let oldest = 0, bytes = 0;
  while (left.size > 0) {
    let best, most = -Infinity;
    for (const f of left) {
      const score = placed.length > 0 ? shared[f] / divisor[f] : divisor[f];
      if (score > most) [best, most] = [f, score];
    }
    left.delete(best);
    placed.push(best);
    count(best, 1);
    bytes += code[best].length;
    while (bytes > WINDOW && oldest < placed.length - 1) {
      const f = placed[oldest++];
      bytes -= code[f].length;
      count(f, -1);
    }
  }
  return placed;
}

/// The module with names for its functions, by which `wasm-opt --reorder-functions-by-name` brings them into that order.
export function named(module) {
  const { imported, code } = functions(module);
  const place = new Uint32Array(code.length);
  order(code).forEach((f, at) => { place[f] = at; });
  const names = [...place].map((at, f) =>
    Buffer.concat([Buffer.from(number(imported + f)), sized(Buffer.from(`f${String(at).padStart(6, "0")}`))]));
  const list = Buffer.concat([Buffer.from(number(names.length)), ...names]);
  const section = Buffer.concat([sized(Buffer.from("name")), Buffer.from([1]), sized(list)]);
  return Buffer.concat([module, Buffer.from([CUSTOM]), sized(section)]);
}
