/*
 * node evaluate.mjs FOLDER: calls functions of the page's modules, a copy of which is in FOLDER, without a browser.
 *
 * Standard input is a JSON list of calls, [module, function, argument, …]; the module 'here' is this file. {"number": "NaN"} in
 * an argument is that number. Standard output is a list of {value} or {error}: typed arrays as lists, NaN and the infinities as
 * quoted words, undefined as null.
 */
import {readFileSync, writeSync} from 'node:fs';
import {pathToFileURL} from 'node:url';

/* A document that takes everything and does nothing, so that whole views run: what they ask and offer is looked at, not their looks. */
const nothing = new Proxy(function () {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => '' : key === Symbol.iterator ? function* () {} : key === 'length' ? 0 : nothing),
  set: () => true,
  apply: () => nothing,
  construct: () => nothing,
});
Object.assign(globalThis, {document: nothing, getComputedStyle: nothing, location: {origin: 'http://127.0.0.1:1'}});

const folder = pathToFileURL(`${process.argv[2]}/`);
const load = module => import(new URL(`${module}.js`, folder));
const [fragment, layer, padded, reference, server, windows] = await Promise.all(
  ['core/fragment', 'maths/layer', 'maths/padded', 'maths/reference', 'core/server', 'maths/windows'].map(load));

const range = count => Array.from({length: count}, (_, i) => i);

const here = {
  /* For each output of a layer the index of the input cell behind each of its products, -1 for a zero; null where it cannot be. */
  sources(one, size) {
    const axes = layer.layerAxes(one, size), outputs = layer.outputSizes(axes), zeros = new Float64Array(100);
    if (!outputs) return null;
    return {outputs, sources: range(outputs[0] * outputs[1]).map(out => reference.productsAt(zeros, zeros, axes, one.mode,
      [Math.floor(out / outputs[1]), out % outputs[1]]).map(({source}) => source))};
  },

  /* The padded input: its values, and what each cell is. */
  padded(one, size, plane) {
    const axes = layer.layerAxes(one, size), outputs = layer.outputSizes(axes), whole = new padded.Padded(axes, one.mode);
    return {rows: whole.rows, cols: whole.cols, values: whole.values(plane), kinds: whole.kinds(outputs && whole.readBy(outputs)),
      back: range(whole.rows * whole.cols).every(cell => whole.cellAt(...whole.placeOf(cell)) === cell)};
  },

  readers: (axis, outputs) => range(axis.low + axis.size + axis.high).map(at => windows.readersOf(axis, at - axis.low, outputs)),

  outputSizes: (one, size, ceil) => layer.outputSizes(layer.layerAxes(one, size), ceil),

  convolve(one, size, plane, weight, bias) {
    const axes = layer.layerAxes(one, size), outputs = layer.outputSizes(axes);
    return {outputs, ...reference.convolvePlane(plane, weight, bias, axes, one.mode, outputs)};
  },

  pool(one, size, plane, options, ceil) {
    const axes = options.output ? size.map((side, i) => ({size: side, outputs: options.output[i], low: 0, high: 0})) : layer.layerAxes(one, size);
    const outputs = options.output ?? layer.outputSizes(axes, ceil);
    const at = range(outputs[0] * outputs[1]).map(out => [Math.floor(out / outputs[1]), out % outputs[1]]);
    return {outputs, values: at.map(out => reference.poolCell(plane, axes, out, options).value),
      winners: at.map(out => reference.winnerOf(reference.cellsOfWindow(plane, axes, out))?.index ?? -1)};
  },

  /* A state of a schema to text and back. */
  throughText(schema, state) {
    const store = new fragment.Store(schema), other = new fragment.Store(schema);
    store.set(state);
    other.load(store.text());
    return {text: store.text(), state: other.state, again: other.text()};
  },

  flatten: nested => server.flatten(nested),

  /*
   * A view at an address, where `origin` serves it: what it asks, and what it offers; with the server's answer, what it makes of
   * that. `pixels` is what the picture 'own' is then, as a canvas has it.
   */
  async show(name, text, origin, answer, pixels) {
    globalThis.location.origin = origin;
    const view = new (await load(`views/${name}`)).View();
    let agrees = null, most = 0;
    view.status.compare = ({difference, within}, other) => [most, agrees] = [difference, within && !other];
    if (pixels) view.own = (await load('maths/pictures')).fromPixels(pixels);
    view.load(text);
    if (answer) view.onServer({kind: 'answer', body: answer, timing: [], roundTripMs: 0, algorithm: null});
    const {asked} = view.line;
    view.line.drop();
    view.startLine?.drop();
    view.partLine?.drop();
    return {
      state: view.store.state, text: view.store.text(), problem: view.model?.problem, outputs: view.model?.outputs, agrees, most,
      path: asked?.path, document: asked && JSON.parse(server.toJson(asked.document)), snippets: view.copy.snippets,
      repairs: name === 'stack' || name === 'image' ? [] : view.repairs(), parsed: view.parsed,
    };
  },
};

async function call([module, name, ...given]) {
  try {
    const found = module === 'here' ? here[name] : (await load(module))[name];
    return {value: (typeof found === 'function' ? await found(...given) : found) ?? null};
  } catch (error) {
    return {error: error.message, kind: error.name};
  }
}

const revive = (key, value) => (typeof value?.number === 'string' ? Number(value.number) : value);
const write = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : typeof value === 'number' && !Number.isFinite(value) ? String(value) : value);

const results = [];
for (const one of JSON.parse(readFileSync(0, 'utf8'), revive)) results.push(await call(one));
const bytes = Buffer.from(JSON.stringify(results, write));
for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
process.exit(0); // (timers of views are of no interest)
