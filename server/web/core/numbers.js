/*
 * Numbers as text.
 */

/** A value for a sentence: six digits, whole numbers whole, with a true minus sign. */
export function say(value) {
  if (value === undefined || value === null) return '…';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? '−∞' : '∞';
  return short(value, 6);
}

/** A value for a cell of a grid: at most six characters or so, the sign always with it. */
export function sayInCell(value) {
  if (value === undefined || value === null) return '·';
  if (!Number.isFinite(value)) return say(value);
  return short(value, 3);
}

function short(value, digits) {
  if (value < 0 || Object.is(value, -0)) return `−${short(-value, digits)}`;
  if (Number.isInteger(value) && value < (digits > 3 ? 1e10 : 1e5)) return String(value);
  const text = Number(value.toPrecision(digits)).toString(), fits = text.length <= digits + 4 && value < 10 ** Math.max(digits, 5);
  return (fits ? text : value.toExponential(digits - (digits === 3 && value < 1 ? 2 : 1))).replace('e+', 'e').replace('e-', 'e−');
}

/** The digits of a value for a field: those of a float32 are as few as read back to it. */
export function shortest(value) {
  if (Math.fround(value) !== value || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) if (Math.fround(Number(value.toPrecision(digits))) === value) return String(Number(value.toPrecision(digits)));
  return String(Number(value.toPrecision(9)));
}

/** A value and a whole step, without the dust of binary fractions. */
export const stepped = (value, by) => (Number.isInteger(value) ? value + by : Number((value + by).toPrecision(15)));

/** A value as a factor in a sum: negatives in parentheses. */
export const sayFactor = value => (value < 0 ? `(${say(value)})` : say(value));

/** 1234567 as 1 234 567, with thin spaces; a number or, beyond 2⁵³, a BigInt. */
export const sayCount = count => (count > Number.MAX_SAFE_INTEGER && typeof count === 'number' ? `about ${say(count)}` : String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f'));

export const sayShape = shape => shape.join(' × ');

/** What a field holds: a number where it is one, else the text itself, so that the server can say what is wrong with it. */
export function readNumber(text) {
  const trimmed = text.trim().replaceAll('−', '-');
  return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/** Sizes with commas between them; one that a double would round stays text, and is refused rather than changed. */
export const readSizes = text => text.split(',').map(one => (Number.isSafeInteger(readNumber(one)) || !/^\s*\d+\s*$/.test(one) ? readNumber(one) : one.trim()));

/**
 * The float32 that the server makes of a number in JSON: its digits are rounded once. A double may lie halfway between two float32
 * while the digits that stand for it do not, which Math.fround cannot see. What float32 cannot hold is refused, and stays as it is.
 */
export function single(value) {
  const near = Math.fround(value);
  if (!Number.isFinite(value) || value === near) return value;
  const beside = neighbour(near, value), middle = (Number.isFinite(near) ? near : Math.sign(near) * 2 ** 128) / 2 + beside / 2;
  if (value !== middle) return Number.isFinite(near) ? near : value;
  const [low, high] = Math.abs(beside) < Math.abs(near) ? [beside, near] : [near, beside], side = compareDigits(value);
  return side < 0 ? low : side > 0 ? (Number.isFinite(high) ? high : value) : Number.isFinite(near) ? near : value;
}

/* The float32 beside `near`, on the side of `value`. */
function neighbour(near, value) {
  const bits = new Int32Array(1), float = new Float32Array(bits.buffer);
  float[0] = near;
  if (near === 0) bits[0] = value < 0 ? -0x7fffffff : 1;
  else bits[0] += Math.abs(value) > Math.abs(near) ? 1 : -1;
  return float[0];
}

/* −1, 0 or 1: whether the digits that JSON has for a double are nearer to 0 than it, it, or further away. */
function compareDigits(value) {
  const [, whole, part = '', exponent = '0'] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(Math.abs(value)));
  let decimal = BigInt(whole + part), ten = Number(exponent) - part.length, binary = Math.abs(value), two = 0;
  while (!Number.isInteger(binary)) [binary, two] = [binary * 2, two - 1];
  let exact = BigInt(binary);
  if (ten > 0) decimal *= 10n ** BigInt(ten);
  else exact *= 10n ** BigInt(-ten);
  decimal <<= BigInt(-two);
  return decimal < exact ? -1 : decimal > exact ? 1 : 0;
}

export const plural = (count, one, many = `${one}s`) => `${sayCount(count)} ${count === 1 ? one : many}`;

export const MOST_LISTED = 49; // (a window of 7×7)
const FIRST_LISTED = 24; // of more: each costs a hover 30 µs

/**
 * The terms of a sum or of a maximum as a list with `separator`s between them, no more than can be read, and how many more there are; the one
 * with the index `kept` is always among them. `show` makes what stands for a term, of those that are shown alone; where there are more than
 * `terms` holds, `count` says how many.
 */
export function listed(terms, separator, kept = -1, show = term => term, count = terms.length) {
  const first = count > MOST_LISTED ? FIRST_LISTED : MOST_LISTED;
  const list = terms.slice(0, first).flatMap((term, i) => (i ? [separator, show(term)] : [show(term)]));
  const others = count - first - (kept >= first ? 1 : 0);
  if (others > 0) list.push(`${separator}… (${sayCount(others)} more)`);
  if (kept >= first) list.push(separator, show(terms[kept]));
  return list;
}
