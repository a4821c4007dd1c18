/*
 * The diverging scale: negative – zero – positive, zero being the page's own surface, mixed in OKLab
 * (https://bottosson.github.io/posts/oklab/). Every stop has the text colour, black or white, that contrasts more.
 */
const ENDS = {
  light: ['#1f5fa8', '#ffffff', '#b34700'],
  dark: ['#6cb6ff', '#1b1f24', '#ff9a4d'],
};
const STEPS = 128; // from zero to each end

const toLinear = c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const fromLinear = c => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);
const channels = hex => [1, 3, 5].map(i => toLinear(parseInt(hex.slice(i, i + 2), 16) / 255));

function toOklab([r, g, b]) {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
}

function fromOklab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s].map(c => Math.min(1, Math.max(0, c)));
}

/** WCAG's relative luminance of a linear colour. */
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

export const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);

function stop(from, to, share) {
  const lab = from.map((c, i) => c + (to[i] - c) * share);
  const rgb = fromOklab(lab).map(c => Math.round(fromLinear(c) * 255));
  const light = luminance(rgb.map(c => toLinear(c / 255)));
  return {
    rgb, luminance: light,
    fill: '#' + rgb.map(c => c.toString(16).padStart(2, '0')).join(''),
    text: contrast(light, 0) >= contrast(light, 1) ? '#000000' : '#ffffff',
  };
}

function makeScale(ends) {
  const [low, zero, high] = ends.map(end => toOklab(channels(end)));
  const stops = [];
  for (let i = -STEPS; i <= STEPS; i++) stops.push(stop(zero, i < 0 ? low : high, Math.abs(i) / STEPS));
  return stops;
}

export const scales = {light: makeScale(ENDS.light), dark: makeScale(ENDS.dark)};

/* Read when it changes alone: Chromium tells no one of a change that somebody has read before. */
const darkQuery = globalThis.matchMedia?.('(prefers-color-scheme: dark)');
let isDark = darkQuery?.matches;
darkQuery?.addEventListener('change', () => (isDark = darkQuery.matches));

/** The stop for a value where `most` is the largest magnitude; not-a-number has zero's. */
export function colourOf(value, most) {
  const stops = scales[isDark ? 'dark' : 'light'];
  if (!(Math.abs(value) > 0) || !(most > 0)) return stops[STEPS];
  return stops[STEPS + Math.round(Math.max(-1, Math.min(1, value / most)) * STEPS)];
}

/** Calls back whenever light turns to dark or back. */
export const onThemeChange = callback => darkQuery?.addEventListener('change', callback);

/** The largest finite magnitude of some values. */
export function largestOf(values) {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most && Number.isFinite(value)) most = Math.abs(value);
  return most;
}
