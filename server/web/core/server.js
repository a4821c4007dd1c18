/*
 * Asking the server. A Line is for one kind of question: only the answer to the last one asked is ever delivered, whatever
 * order answers come in.
 */
const QUIET_MS = 90;      // without another edit, before a question goes out
export const PATIENCE_MS = 30000; // then the server counts as gone

/** JSON with the not-a-number words that the server reads and writes, quoted. */
export const toJson = value =>
  JSON.stringify(value, (key, item) => (typeof item === 'number' && !Number.isFinite(item) ? String(item) : item));

/** A flat array as nested ones. */
export function nest(values, shape) {
  if (shape.length === 1) return Array.from(values);
  const size = values.length / shape[0];
  return Array.from({length: shape[0]}, (_, i) => nest(values.slice(i * size, (i + 1) * size), shape.slice(1)));
}

/** Nested arrays of an answer as one Float64Array. */
export const flatten = nested => Float64Array.from([nested].flat(Infinity), Number);

/** 'decode;dur=0.01, compute;dur=2' as [['decode', 0.01], ['compute', 2]]. */
const readTiming = header => [...(header ?? '').matchAll(/([\w-]+);dur=([\d.]+)/g)].map(([, name, ms]) => [name, Number(ms)]);

export class Line {
  /** `tell(state)` hears {kind: 'waiting'}, {kind: 'answer', body, …}, {kind: 'problem', problem, …} or {kind: 'down', text}. */
  constructor(tell) {
    this.tell = tell;
    this.number = 0;
    this.asked = null; // the question whose answer is still to come
  }

  /**
   * Asks `path` with a document, soon, and be it the question of before: whoever asks has nothing to show meanwhile.
   * A function makes the document when it goes out, for what is asked by every hover.
   */
  ask(path, document) {
    this.drop();
    this.retry = () => this.ask(path, document);
    this.asked = {path, document};
    this.tell({kind: 'waiting'});
    const number = this.number;
    this.timer = setTimeout(() => this.send(path, toJson(typeof document === 'function' ? document() : document), number), QUIET_MS);
  }

  /** Forgets the question: nothing of it is delivered any more. */
  drop() {
    this.asked = null;
    this.number++;
    clearTimeout(this.timer);
    this.aborter?.abort();
  }

  async send(path, body, number) {
    this.aborter = new AbortController();
    const patience = setTimeout(() => this.aborter?.abort(), PATIENCE_MS);
    const result = await call(path, body, this.aborter.signal);
    clearTimeout(patience);
    if (number !== this.number) return;
    this.asked = null;
    this.deliver({...result, retry: this.retry});
  }

  /* What has the outer form of an answer may still be none. */
  deliver(result) {
    try {
      this.tell(result);
    } catch (error) {
      if (result.kind !== 'answer') throw error;
      this.tell({kind: 'down', text: `an answer that is none of convd's (${error.message})`, retry: result.retry});
    }
  }
}

async function call(path, body, signal) {
  const began = performance.now();
  try {
    const response = await fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json', Accept: 'application/json'}, body, signal, redirect: 'error'});
    const text = await response.text();
    return readAnswer(path, response, text, performance.now() - began);
  } catch (error) {
    return {kind: 'down', text: error.name === 'AbortError' ? `no answer within ${PATIENCE_MS / 1000} s` : 'the server cannot be reached'};
  }
}

/* Whether a document is what convd answers at a path; between the page and convd there may be anything. */
function isAnswer(path, body) {
  if (path === '/shape') return Array.isArray(body?.layers) && isShape(body.output_shape) && isCounted(body.total, 'output_bytes') && body.layers.every(isLayer);
  return Boolean(body?.output) && Array.isArray(body.shape);
}

/* Counts and sizes that a double cannot hold are kept whole, where the browser shows the digits that it reads. */
const wholeCounts = (key, value, context) => (typeof value === 'number' && !Number.isSafeInteger(value) && /^\d+$/.test(context?.source) ? BigInt(context.source) : value);

const isShape = shape => Array.isArray(shape) && shape.every(size => (Number.isInteger(size) || typeof size === 'bigint') && size >= 0);
const isCounted = (counts, ...more) => Boolean(counts) && ['parameters', 'macs', ...more].every(name => Number.isFinite(counts[name]) || typeof counts[name] === 'bigint');
const isLayer = layer => isCounted(layer) && isShape(layer.input_shape) && isShape(layer.output_shape) && [layer.receptive_field, layer.effective_stride].every(one => one === null || isShape(one));

const isProblem = body => typeof body?.detail === 'string' && ['title', 'type', 'pointer'].every(name => ['string', 'undefined'].includes(typeof body[name]));

function readAnswer(path, response, text, roundTripMs) {
  const {status} = response, retryAfter = response.headers.get('Retry-After');
  let body = null;
  try {
    body = JSON.parse(text, path === '/shape' ? wholeCounts : undefined);
  } catch {
    return {kind: 'down', text: `an answer of status ${status} that is no JSON`, retryAfter};
  }
  if (!(response.ok ? isAnswer(path, body) : isProblem(body))) return {kind: 'down', text: `an answer of status ${status} that is none of convd's`, retryAfter};
  if (!response.ok) return {kind: 'problem', problem: body, status, retryAfter};
  return {
    kind: 'answer', body, roundTripMs,
    timing: readTiming(response.headers.get('Server-Timing')),
    algorithm: response.headers.get('X-Convd-Algorithm'),
  };
}
