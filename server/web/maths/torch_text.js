/*
 * Layers as PyTorch writes them: 'nn.Conv2d(1, 6, kernel_size=5)', one by one or as a whole nn.Sequential, as code or as
 * print() shows it. What comes out are the layers of /shape.
 */
const CONV = 'in_channels out_channels kernel_size stride padding dilation groups bias padding_mode device dtype';
const TRANSPOSED = 'in_channels out_channels kernel_size stride padding output_padding groups bias dilation padding_mode device dtype';
const MAX_POOL = 'kernel_size stride padding dilation return_indices ceil_mode';
const AVG_POOL = 'kernel_size stride padding ceil_mode count_include_pad divisor_override';
const BATCH_NORM = 'num_features eps momentum affine track_running_stats device dtype';

/* class of torch.nn: [type of /shape, names of its arguments in order]. */
const CLASSES = Object.fromEntries([
  ...[1, 2, 3].flatMap(n => [
    [`Conv${n}d`, `conv${n}d`, CONV], [`ConvTranspose${n}d`, `conv_transpose${n}d`, TRANSPOSED], [`MaxPool${n}d`, `max_pool${n}d`, MAX_POOL],
    [`AvgPool${n}d`, `avg_pool${n}d`, n === 1 ? AVG_POOL.replace(' divisor_override', '') : AVG_POOL],
    [`AdaptiveAvgPool${n}d`, `adaptive_avg_pool${n}d`, 'output_size'], [`AdaptiveMaxPool${n}d`, `adaptive_max_pool${n}d`, 'output_size return_indices'],
    [`BatchNorm${n}d`, `batch_norm${n}d`, BATCH_NORM],
  ]),
  ...[1, 2].map(n => [`LPPool${n}d`, `lp_pool${n}d`, 'norm_type kernel_size stride ceil_mode']),
  ['Linear', 'linear', 'in_features out_features bias device dtype'], ['Flatten', 'flatten', 'start_dim end_dim'], ['Dropout', 'dropout', 'p inplace'],
  ['ReLU', 'relu', 'inplace'], ['ReLU6', 'relu6', 'inplace'], ['LeakyReLU', 'leaky_relu', 'negative_slope inplace'], ['ELU', 'elu', 'alpha inplace'],
  ['GELU', 'gelu', 'approximate'], ['SiLU', 'silu', 'inplace'], ['Hardswish', 'hardswish', 'inplace'], ['Sigmoid', 'sigmoid', ''], ['Tanh', 'tanh', ''],
  ['Softmax', 'softmax', 'dim'], ['LogSoftmax', 'log_softmax', 'dim'], ['ZeroPad2d', 'zero_pad2d', 'padding'],
  ['ReflectionPad2d', 'reflection_pad2d', 'padding'], ['ReplicationPad2d', 'replication_pad2d', 'padding'],
  ['Upsample', 'upsample', 'size scale_factor mode align_corners recompute_scale_factor'],
].map(([name, type, names]) => [name, {type, names: names.split(' ').filter(Boolean)}]));

export const CLASS_NAMES = Object.keys(CLASSES);
export const typeOfClass = name => CLASSES[name]?.type;
const BY_TYPE = Object.fromEntries(Object.entries(CLASSES).map(([name, {type}]) => [type, name]));

/** The class that a name stands for, a class's or a type's of /shape. */
const classOf = name => (Object.hasOwn(CLASSES, name) ? name : Object.hasOwn(BY_TYPE, name) ? BY_TYPE[name] : undefined);

/* What print() shows without quotes. */
const WORDS = 'same|valid|zeros|reflect|replicate|circular|nearest-exact|nearest|linear|bilinear|bicubic|trilinear|area|none|tanh';
const VALUE = new RegExp(`\\s*(?:(-?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?)|'([^']*)'|"([^"]*)"|(True|False|None)\\b|(?:torch\\.)?(float32|float64)|(${WORDS})\\b)`, 'y');

const withoutComments = text => text.replace(/#[^\n]*/g, '');

/** The layer {type, …fields} of one call; throws an Error that says what cannot be read. */
export function readLayer(text) {
  const [, name, rest] = /^\s*(?:\(\w+\):\s*|(?:self\.)?\w+\s*=\s*)?(?:torch\.)?(?:nn\.)?(\w+)\s*(\(.*)?$/s.exec(withoutComments(text).trim().replace(/[,;]$/, '')) ?? [];
  if (!name) throw new Error(`'${text.trim()}' is no layer; write one as Conv2d(1, 6, 5)`);
  const className = classOf(name);
  if (!className) throw new Error(`there is no layer '${name}' here${nearest(name)}`);
  return {type: CLASSES[className].type, ...readArguments(rest ?? '()', className)};
}

function nearest(name) {
  const close = CLASS_NAMES.find(one => one.toLowerCase() === name.toLowerCase());
  return close ? `; did you mean '${close}'?` : '';
}

function readArguments(text, className) {
  const reader = new Reader(text), {names} = CLASSES[className], fields = {};
  let position = 0;
  reader.expect('(');
  while (!reader.take(')')) {
    const name = reader.takeName(), value = reader.value();
    if (!name && position >= names.length) throw new Error(`${className} takes ${names.length} arguments: ${names.join(', ')}`);
    const key = name ?? names[position++];
    if (key === 'type' || key === '__proto__') throw new Error(`${className} takes no '${key}'`);
    if (Object.hasOwn(fields, key)) throw new Error(`${className}: ${key} is given twice`);
    if (value === null && !takesNone(className, key)) throw new Error(names.includes(key) ? `${className} takes no None as ${key}` : `${className} takes no '${key}'`);
    if (value !== null) fields[key] = value;
    else if (FLAGS.includes(key)) fields[key] = false; // as torch takes it
    if (!reader.take(',')) {
      reader.expect(')');
      break;
    }
  }
  reader.end();
  return fields;
}

const MOST_NESTED = 64;
const FLAGS = ['bias', 'affine', 'track_running_stats', 'return_indices'];
const NONE_IS_DEFAULT = ['device', 'dtype', 'dim', 'divisor_override', 'inplace', 'momentum', 'size', 'scale_factor', 'align_corners', 'recompute_scale_factor'];

/* As torch.nn does: some arguments may be None whatever their default is. */
const takesNone = (className, key) => CLASSES[className].names.includes(key) && (FLAGS.includes(key) || NONE_IS_DEFAULT.includes(key) || (key === 'stride' && !className.startsWith('Conv')));

/** What a layer was given that its class of torch.nn does not take. */
export const foreignTo = ({type, ...fields}) => Object.keys(fields).find(key => !CLASSES[BY_TYPE[type]].names.includes(key));

/* A whole number that a double does not round. */
function exact(text, value) {
  if (/^-?\d+(\.0*)?$/.test(text) && Math.abs(value) > Number.MAX_SAFE_INTEGER) throw new Error(`${text} or what is made of it is beyond 2⁵³ and would be rounded here`);
  return value;
}

/* Python's literals, as far as layers need them. */
class Reader {
  constructor(text) {
    this.text = text;
    this.at = this.depth = 0; // (lists in lists, and those before)
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  take(character) {
    this.match(/\s*/y);
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  expect(character) {
    if (!this.take(character)) throw new Error(`'${character}' is missing ${this.at < this.text.length ? `in front of '${this.text.slice(this.at, this.at + 12)}'` : 'at the end'}`);
  }

  end() {
    this.match(/\s*/y);
    if (this.at < this.text.length) throw new Error(`'${this.text.slice(this.at, this.at + 12)}' stands behind the layer`);
  }

  takeName() {
    return this.match(/\s*([A-Za-z_]\w*)\s*=(?!=)/y)?.[1];
  }

  value() {
    const word = this.match(VALUE);
    if (!word) return this.list();
    const [, number, single, double, constant, dtype, bare] = word;
    if (number !== undefined) return exact(number, this.sum(Number(number)));
    if (constant) return {True: true, False: false, None: null}[constant];
    return single ?? double ?? dtype ?? bare;
  }

  /* Sums and products of whole numbers, as in Linear(16 * 5 * 5, 120). */
  sum(first) {
    let total = this.product(first);
    for (let sign; (sign = this.match(/\s*([-+])/y));) total += (sign[1] === '-' ? -1 : 1) * this.product(this.number());
    return total;
  }

  product(value) {
    for (let sign; (sign = this.match(/\s*(\*|\/\/)(?!\*)/y));) {
      const other = this.number();
      if (sign[1] !== '*' && other === 0) throw new Error('a division by zero');
      value = sign[1] === '*' ? value * other : Math.floor(value / other);
    }
    return value;
  }

  number() {
    const found = this.match(/\s*(\d+\.?\d*)/y);
    if (!found) throw new Error(`'${this.text.slice(this.at, this.at + 12)}' is no number`);
    return Number(found[1]);
  }

  list() {
    const close = this.take('(') ? ')' : this.take('[') ? ']' : null, values = [];
    if (!close && this.at >= this.text.length) throw new Error("')' is missing at the end");
    if (++this.depth > MOST_NESTED) throw new Error('it is nested too deeply');
    if (!close) throw new Error(`'${this.text.slice(this.at, this.at + 12)}' is no number, tuple, word in quotes, True, False or None`);
    while (!this.take(close)) {
      values.push(this.value());
      if (!this.take(',')) {
        this.expect(close);
        return close === ')' && values.length === 1 ? values[0] : values; // ((5) is 5, (5,) is not)
      }
    }
    return values;
  }
}

/**
 * The texts of all layers in a pasted text: a Sequential, its print, or a module's class. What holds layers, and the class itself, are
 * none; another name with a capital is taken for one, so that it is seen what is not known here. Calls of F.relu() and the like are none.
 */
export function findLayers(text) {
  const code = withoutComments(text), found = [], pattern = /(\bclass\s+|\bdef\s+|(?<![\w.])[\w.]*\.)?\b([A-Za-z_]\w*)\s*\(/g;
  const own = new Set(Array.from(code.matchAll(/\bclass\s+(\w+)/g), match => match[1]));
  for (let match; (match = pattern.exec(code));) {
    const [, before, name] = match, open = pattern.lastIndex - 1;
    if (own.has(name) || CONTAINERS.has(name) || !(/^[A-Z]/.test(name) || (!before && classOf(name)))) continue;
    const end = closing(code, open), call = `${name}${code.slice(open, end)}`.replace(/\s+/g, ' ');
    if (!classOf(name) && holdsLayers(code.slice(open, end))) continue;
    const times = Number(/(?<!\w)(\d{1,3}) x $/.exec(code.slice(Math.max(0, match.index - 8), match.index))?.[1] ?? 1); // print() of newer torch: "(0-2): 3 x ReLU()"
    for (let i = 0; i < times; i++) found.push(call);
    pattern.lastIndex = end;
  }
  return found;
}

const CONTAINERS = new Set(['Sequential', 'OrderedDict', 'ModuleList', 'ModuleDict', 'Identity']); // (the last holds nothing, and does nothing)

/** Whether a pasted text also computes in a forward() or a loop of its own, or repeats what holds layers, which nothing here runs. */
export const hasForward = text => repeatsOthers(text) || /\bdef\s+forward\b|\bF\.\w+\(|\btorch\.(relu|flatten|sigmoid|tanh|max_pool)\w*\(|\.view\(|\bfor\s+\w+\s+in\b/.test(text);
const repeatsOthers = text => /[\])]\s*\*\s*\w/.test(text) || Array.from(text.matchAll(/\b\d+ x (\w+)\(/g)).some(([, name]) => !classOf(name));
const holdsLayers = text => Array.from(text.matchAll(/([A-Z]\w*)\s*\(/g)).some(([, name]) => classOf(name) || CONTAINERS.has(name));

function closing(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if ('(['.includes(text[at])) depth++;
    if (')]'.includes(text[at]) && --depth === 0) return at + 1;
  }
  return text.length;
}

/** A layer of /shape as a call of torch.nn; in_channels and the like are filled in from the shape that reaches it. */
export function torchCall({type, ...fields}, inputShape) {
  const name = BY_TYPE[type], {names} = CLASSES[name], given = {...fields};
  const dims = inputShape?.length, axes = Number(/(\d)d$/.exec(name)?.[1] ?? 0);
  if (names.includes('in_channels') && given.in_channels === undefined && dims) given.in_channels = inputShape[dims - axes - 1];
  if (names.includes('in_features') && given.in_features === undefined && dims) given.in_features = inputShape[dims - 1];
  if (names.includes('num_features') && given.num_features === undefined && dims) given.num_features = inputShape[dims === 1 ? 0 : 1];
  const keys = [...names.filter(key => given[key] !== undefined), ...Object.keys(given).filter(key => !names.includes(key))];
  let positional = true;
  return `nn.${name}(${keys.map((key, i) => {
    positional &&= names[i] === key && i < 3;
    const value = python(forAllAxes(given[key], axes, inputShape));
    return positional ? value : `${key}=${value}`;
  }).join(', ')})`;
}

/**
 * The same as lines: padding that the class itself does not take is a layer in front (CircularPad2d since PyTorch 2.1). `sides` are
 * two for each axis, [top, bottom, left, right]; with ceil_mode they end where the last window does, as it may not start in what a layer in front has padded.
 */
export function torchCalls(layer, inputShape, sides) {
  const {padding: said, return_indices: _, ...others} = layer, padding = said === 'valid' && !layer.type.startsWith('conv') ? undefined : said;
  const plain = padding === undefined ? others : {padding, ...others};
  const foreign = /^same_/.test(padding) || Array.isArray(padding?.[0]) || (padding === 'same' && !layer.type.startsWith('conv'));
  if (!foreign || !sides) return [inputShape ? torchCall(plain, inputShape) : lazily(torchCall(plain), plain)];
  const axes = sides.length / 2, value = layer.type.startsWith('max') ? 'float("-inf")' : '0.0';
  const modes = {reflect: 'ReflectionPad', replicate: 'ReplicationPad', circular: 'CircularPad'}, name = modes[layer.padding_mode];
  const around = Array.from({length: axes}, (_, i) => sides.slice(2 * (axes - 1 - i), 2 * (axes - i)).map(python)).flat().join(', '); // the last axis first
  const {padding_mode: __, ceil_mode: ___, ...rest} = others;
  return [name ? `nn.${name}${axes}d((${around}))` : `nn.ConstantPad${axes}d((${around}), ${value})`, torchCall(rest, inputShape)];
}

/* Where the input is not known, a layer that is to learn its channels from it. */
function lazily(call, layer) {
  const learns = CLASSES[BY_TYPE[layer.type]].names.some(name => ['in_channels', 'in_features', 'num_features'].includes(name) && layer[name] === undefined);
  return learns ? call.replace('nn.', 'nn.Lazy') : call;
}

/* One value in a list stands for all axes here; torch wants a number alone, and None for each (of several). */
function forAllAxes(value, axes, inputShape) {
  if (!Array.isArray(value) || value.length !== 1 || Array.isArray(value[0])) return value;
  if (value[0] === null) return axes === 1 && inputShape ? inputShape.at(-1) : Array(axes).fill(null);
  return value[0];
}

function python(value) {
  if (Array.isArray(value)) return `(${value.map(python).join(', ')}${value.length === 1 ? ',' : ''})`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  return typeof value === 'string' ? (/^float(32|64)$/.test(value) ? `torch.${value}` : JSON.stringify(value)) : String(value);
}
