/*
 * Pictures to filter without having one: planes of values from 0 to 1, by formula.
 */
const SIDE = 192;

const smooth = (edge, value, width = 0.01) => Math.min(1, Math.max(0, (value - edge) / width + 0.5));
const mix = (from, to, share) => from.map((one, i) => one + (to[i] - one) * share);

/* A house under a sun: straight and round edges, slopes, flat parts. */
function scene(u, v) {
  let colour = mix([0.55, 0.78, 0.95], [0.9, 0.95, 1], v);
  colour = mix([1, 0.85, 0.35], colour, smooth(0.11, Math.hypot(u - 0.78, v - 0.2)));
  colour = mix(colour, [0.45, 0.62, 0.35], smooth(0.62 + 0.06 * Math.sin(u * 7), v));
  const inWall = Math.min(u - 0.2, 0.55 - u, v - 0.45, 0.85 - v), inRoof = Math.min(v - 0.25 - Math.abs(u - 0.375) * 0.9, 0.46 - v);
  colour = mix(colour, [0.88, 0.8, 0.68], smooth(0, inWall));
  colour = mix(colour, [0.65, 0.25, 0.2], smooth(0, inRoof));
  colour = mix(colour, [0.3, 0.4, 0.5], smooth(0, Math.min(u - 0.26, 0.35 - u, v - 0.53, 0.64 - v)));
  return mix(colour, [0.4, 0.25, 0.18], smooth(0, Math.min(u - 0.42, 0.5 - u, v - 0.6, 0.85 - v)));
}

/* Rings that grow finer: every direction and many frequencies at once. */
function rings(u, v) {
  const r = Math.hypot(u - 0.5, v - 0.5), value = 0.5 + 0.5 * Math.cos(180 * r * r);
  return [value, value, value];
}

/* Squares of several colours. */
function blocks(u, v) {
  const cell = Math.floor(u * 6) * 5 + Math.floor(v * 6) * 3, part = (u * 6 % 1 - 0.5) ** 2 + (v * 6 % 1 - 0.5) ** 2 < 0.08 ? 0.35 : 1;
  return [0.25 + 0.7 * (cell % 7) / 6, 0.25 + 0.7 * (cell % 5) / 4, 0.25 + 0.7 * (cell % 3) / 2].map(one => one * part);
}

export const PICTURES = {scene: ['a house', scene], rings: ['rings', rings], blocks: ['blocks', blocks]};

/** {width, height, planes: [red, green, blue]} with values as of 8-bit pictures. */
export function drawPicture(name) {
  const [, colourAt] = Object.hasOwn(PICTURES, name) ? PICTURES[name] : PICTURES.scene, planes = [0, 1, 2].map(() => new Float32Array(SIDE * SIDE));
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++)
      colourAt((x + 0.5) / SIDE, (y + 0.5) / SIDE).forEach((value, i) => (planes[i][y * SIDE + x] = Math.round(Math.min(1, Math.max(0, value)) * 255) / 255));
  return {width: SIDE, height: SIDE, planes};
}

/** The same in grey, as ITU-R BT.601 weighs colours. */
export function toGrey({width, height, planes: [red, green, blue]}) {
  return {width, height, planes: [red.map((one, i) => Math.fround(Math.round((0.299 * one + 0.587 * green[i] + 0.114 * blue[i]) * 255) / 255))]};
}

/** ImageData of a canvas as planes. */
export function fromPixels({width, height, data}) {
  const planes = [0, 1, 2].map(i => Float32Array.from({length: width * height}, (_, at) => data[at * 4 + i] / 255));
  return {width, height, planes};
}

/* ---- as bytes in JSON ---- */

export function toBase64(planes) {
  const bytes = planes.map(plane => new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength)), parts = [];
  const all = new Uint8Array(bytes.reduce((sum, one) => sum + one.length, 0));
  bytes.reduce((at, one) => (all.set(one, at), at + one.length), 0);
  for (let at = 0; at < all.length; at += 0x8000) parts.push(String.fromCharCode(...all.subarray(at, at + 0x8000)));
  return btoa(parts.join(''));
}

export function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
