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

/** A value as a factor in a sum: negatives in parentheses. */
export const sayFactor = value => (value < 0 ? `(${say(value)})` : say(value));

/** 1234567 as 1 234 567, with thin spaces. */
export const sayCount = count => String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f');

export const sayShape = shape => shape.join(' × ');

/** What a field holds: a number where it is one, else the text itself, so that the server can say what is wrong with it. */
export function readNumber(text) {
  const trimmed = text.trim().replaceAll('−', '-');
  return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

export const plural = (count, one, many = `${one}s`) => `${sayCount(count)} ${count === 1 ? one : many}`;
