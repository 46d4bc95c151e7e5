// What the drawings of the hero share.

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const number = (v) => {
  if (v == null || Number.isNaN(v)) return "–";
  const a = Math.abs(v);
  if (a < 0.005) return "0";
  if (a >= 100000) return v.toExponential(1);
  return v.toFixed(a >= 100 ? 0 : a >= 10 ? 1 : 2);
};

/** The numbers of a field of a record; [offset, is a list, capacity]. */
export function values(task, record, name) {
  const field = task.fields[name];
  if (!field) return [];
  const [offset, isList, cap] = field;
  if (!isList) return record.subarray(offset, offset + 1);
  const n = Math.min(record[offset], cap);
  return record.subarray(offset + 1, offset + 1 + n);
}
