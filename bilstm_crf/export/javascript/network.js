// From words to emissions: inference/network.py. What depends on a word alone is computed once and kept.
//
// Letters: N tokens, W words, D dimensions of a word, F filters, I inputs and H states of a direction, G gates
// (4 H, in panels), K labels.

const BLOCK = 64; // rows of a product at a time
const BATCH_TOKENS = 4096; // of a batch of sentences
const BATCH_SENTENCES = 256;
const KEPT_BYTES = 64e6; // of words' shares in the gates

// ---------------------------------------------------------------- numbers

const BITS = new Uint32Array(1);
const FLOAT = new Float32Array(BITS.buffer);

/** Return the value of each float16, by its bits. */
function halfValues() {
  return Float32Array.from({ length: 65536 }, (_, bits) => {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
  });
}

/** Return a number rounded to float16, the precision of the words' vectors; half of a step to the even one. */
function roundedToHalf(value) {
  FLOAT[0] = value;
  const exponent = Math.max(((BITS[0] >> 23) & 255) - 127, -14);
  const step = 2 ** (exponent - 10);
  const steps = FLOAT[0] / step;
  const low = Math.floor(steps);
  const above = steps - low;
  return (above > 0.5 || (above === 0.5 && low % 2) ? low + 1 : low) * step;
}

/** Return the hyperbolic tangent to 3e-7, by a rational function. */
function tanh(x) {
  if (x > 7.90531110763549805) x = 7.90531110763549805;
  else if (x < -7.90531110763549805) x = -7.90531110763549805;
  const q = x * x;
  let p = -2.76076847742355e-16 * q + 2.00018790482477e-13;
  p = p * q - 8.60467152213735e-11;
  p = p * q + 5.12229709037114e-8;
  p = p * q + 1.48572235717979e-5;
  p = p * q + 6.37261928875436e-4;
  p = p * q + 4.89352455891786e-3;
  let d = 1.19825839466702e-6 * q + 1.18534705686654e-4;
  d = d * q + 2.26843463243900e-3;
  d = d * q + 4.89352518554385e-3;
  return (x * p) / d;
}

/** Return the rows (columns, rows) of a matrix (rows, columns). */
function transposed(matrix, rows, columns) {
  const out = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j];
  return out;
}

// ---------------------------------------------------------------- parts

/** A table of vectors: as codes of centroids (product quantisation), or row by row. */
class Table {
  /** `prefix`: of codes; `name`, `scales`: of rows, each in steps of its own scale. */
  constructor(tensors, prefix, name, scales) {
    this.codes = tensors.get(`${prefix}.codes`);
    this.centroids = tensors.get(`${prefix}.centroids`);
    this.values = tensors.get(name);
    this.scales = tensors.get(scales);
    this.dim = this.codes ? this.codes.shape[1] * this.centroids.shape[2] : this.values.shape[1];
  }

  /** Add a row to `sum`. */
  addRow(row, sum) {
    if (!this.codes) {
      const scale = this.scales ? this.scales.data[row] : 1;
      for (let d = 0; d < this.dim; d++) sum[d] += scale * this.values.data[row * this.dim + d];
      return;
    }
    const [groups, size] = [this.codes.shape[1], this.centroids.shape[2]];
    for (let g = 0, d = 0; g < groups; g++) {
      let place = (g * 256 + this.codes.data[row * groups + g]) * size;
      for (const end = d + size; d < end; d++, place++) sum[d] += this.centroids.data[place];
    }
  }
}

/** out = in @ weight + bias, where the weight lies in the kernel's memory. */
class Linear {
  /** `weights`, `biases`: those of parts side by side, each (width, inner) and (width,), padded to panels. */
  constructor(kernel, weights, biases, inner) {
    this.inner = inner;
    this.width = 0;
    const stride = padded(weights[0].length / inner, PANEL);
    const matrix = new Float32Array(inner * stride * weights.length);
    this.bias = new Float32Array(stride * weights.length);
    weights.forEach((weight, part) => {
      const width = weight.length / inner;
      this.width = part * stride + width;
      const columns = transposed(weight, width, inner);
      for (let k = 0; k < inner; k++) {
        matrix.set(columns.subarray(k * width, (k + 1) * width), k * stride * weights.length + part * stride);
      }
      if (biases[part]) this.bias.set(biases[part], part * stride);
    });
    this.stride = stride * weights.length;
    this.place = kernel.store(matrix, inner, this.stride);
  }
}

/** The character CNN: the maximum over a word of each filter (F,). */
class Characters {
  constructor(tensors) {
    const embedding = tensors.get("char_cnn.embedding.weight");
    const weight = tensors.get("char_cnn.convolution.weight"); // (F, E, width)
    const [filters, dim, width] = weight.shape;
    this.bias = tensors.get("char_cnn.convolution.bias").data;
    this.filters = filters;
    this.gap = width >> 1;
    this.products = []; // (characters, F) for each place of a window: each character's share in a filter
    for (let place = 0; place < width; place++) {
      const product = new Float32Array(embedding.shape[0] * filters);
      for (let c = 0; c < embedding.shape[0]; c++) {
        for (let f = 0; f < filters; f++) {
          let sum = 0;
          for (let e = 0; e < dim; e++) {
            sum += embedding.data[c * dim + e] * weight.data[(f * dim + e) * width + place];
          }
          product[c * filters + f] = sum;
        }
      }
      this.products.push(product);
    }
  }

  /** Write the features of a word's characters; a window ends where the word ends. */
  write(characters, out, start) {
    const { filters, bias, gap, products } = this;
    const sums = new Float64Array(filters);
    out.fill(-Infinity, start, start + filters);
    for (let middle = 0; middle < characters.length; middle++) {
      sums.set(bias);
      for (let place = 0; place < products.length; place++) {
        const at = middle + place - gap;
        if (at < 0 || at >= characters.length) continue;
        const row = characters[at] * filters;
        for (let f = 0; f < filters; f++) sums[f] += products[place][row + f];
      }
      for (let f = 0; f < filters; f++) if (sums[f] > out[start + f]) out[start + f] = sums[f];
    }
  }
}

// ---------------------------------------------------------------- the network

class Network {
  constructor(tensors, architecture, vocabulary, options = {}) {
    this.kernel = new Kernel(options);
    this.vocabulary = vocabulary;
    this.table = new Table(tensors, "embedding", "embedding.weight");
    this.characters = architecture.characters ? new Characters(tensors) : null;
    this.inputs = this.table.dim + (this.characters ? this.characters.filters : 0);
    this.labels = tensors.get("members.0.to_labels.bias").data.length;
    this.taggers = Array.from(
      { length: architecture.ensemble_size },
      (_, n) => new MemberTagger(this.kernel, tensors, `members.${n}.`, this.inputs, architecture.layers),
    );
    const linears = this.taggers.flatMap((tagger) => tagger.linears);
    const widest = Math.max(...linears.map((each) => Math.max(each.inner, each.stride)), PANEL);
    this.left = this.kernel.allocate(BLOCK * widest); // of a product
    this.out = this.kernel.allocate(BLOCK * widest);
    const sizes = this.taggers.flatMap((tagger) => tagger.layers).map((layer) => layer.stride);
    this.state = this.kernel.allocate(BATCH_SENTENCES * Math.max(PANEL, ...sizes)); // of an LSTM
    this.gates = this.kernel.allocate(BATCH_SENTENCES * Math.max(PANEL, ...sizes));
    // What each word brings to the first layers: shares in the gates, or itself where there are none
    const share = this.taggers.reduce((sum, tagger) => sum + (tagger.layers[0]?.inputs.stride ?? 0), 0);
    this.shareSize = share || this.inputs;
    this.rows = Math.max(BATCH_TOKENS, Math.floor(KEPT_BYTES / 4 / this.shareSize));
    this.shares = new Float32Array(this.rows * this.shareSize);
    this.rowOf = new Map(); // of words
  }

  /**
   * Return the emissions (N, K) of the sentences of a document, as the network reads them. `others`: for each
   * token the numbers of its other occurrences, or null.
   */
  emissions(sentences, others, progress = () => {}) {
    const starts = [0];
    for (const sentence of sentences) starts.push(starts.at(-1) + sentence.length);
    const tokens = starts.at(-1);
    const out = new Float32Array(tokens * this.labels);
    const kept = this.taggers.map((tagger) => new KeptStates(tagger, others));
    for (const batch of batchesOf(sentences)) {
      const rows = this.wordRows(batch.flatMap((number) => sentences[number]));
      const lengths = batch.map((number) => sentences[number].length);
      let part = 0; // where the tagger's shares begin in a word's
      this.taggers.forEach((tagger, n) => {
        const { states, shares } = this.states(tagger, rows, part, lengths);
        part += shares;
        const emissions = this.affine(states, tagger.toLabels);
        let local = 0;
        for (const number of batch) {
          for (let t = starts[number]; t < starts[number + 1]; t++, local++) {
            kept[n].keep(t, states, local);
            for (let k = 0; k < this.labels; k++) out[t * this.labels + k] += emissions[local * this.labels + k];
          }
        }
      });
      progress(starts[Math.max(...batch) + 1], tokens);
    }
    this.taggers.forEach((tagger, n) => this.remember(tagger, kept[n], others, out));
    if (this.taggers.length > 1) out.forEach((value, i) => (out[i] = value / this.taggers.length));
    return out;
  }

  /** Add what the document memory says of each token with other occurrences. */
  remember(tagger, kept, others, out) {
    if (!tagger.memory) return;
    const means = [];
    const tokens = [];
    others.forEach((numbers, token) => {
      if (!numbers.length) return;
      tokens.push(token);
      means.push(kept.mean(numbers));
    });
    for (let start = 0; start < tokens.length; start += BATCH_TOKENS) {
      const part = means.slice(start, start + BATCH_TOKENS);
      const inputs = new Float32Array(part.length * tagger.states);
      part.forEach((mean, i) => inputs.set(mean, i * tagger.states));
      const inner = this.affine(inputs, tagger.memory[0]).map(tanh);
      const added = this.affine(inner, tagger.memory[1]);
      part.forEach((_, i) => {
        const place = tokens[start + i] * this.labels;
        for (let k = 0; k < this.labels; k++) out[place + k] += added[i * this.labels + k];
      });
    }
  }

  /** Return the rows of these words in `shares`, once they are computed there. */
  wordRows(words) {
    const distinct = [...new Set(words)];
    if (this.rowOf.size + distinct.filter((word) => !this.rowOf.has(word)).length > this.rows) this.rowOf.clear();
    if (distinct.length > this.rows) { // a single sentence of so many words
      this.rows = distinct.length;
      this.shares = new Float32Array(this.rows * this.shareSize);
    }
    const missing = distinct.filter((word) => !this.rowOf.has(word));
    for (let start = 0; start < missing.length; start += BLOCK) {
      const some = missing.slice(start, start + BLOCK);
      const first = this.rowOf.size;
      some.forEach((word) => this.rowOf.set(word, this.rowOf.size));
      const inputs = this.representations(some);
      let place = 0;
      for (const tagger of this.taggers) {
        if (!tagger.layers.length) continue;
        const { inputs: linear } = tagger.layers[0];
        const shares = this.affine(inputs, linear, linear.stride);
        some.forEach((_, i) => this.shares.set(
          shares.subarray(i * linear.stride, (i + 1) * linear.stride), (first + i) * this.shareSize + place,
        ));
        place += linear.stride;
      }
      if (!place) this.shares.set(inputs, first * this.shareSize);
    }
    return Int32Array.from(words, (word) => this.rowOf.get(word));
  }

  /** Return what words are in any sentence (W, D + F): their vectors, and the features of their characters. */
  representations(words) {
    const out = new Float32Array(words.length * this.inputs);
    words.forEach((word, i) => {
      const start = i * this.inputs;
      const { row, vector, characters } = this.vocabulary.lookUp(word);
      if (vector) out.set(vector.map(roundedToHalf), start);
      else this.table.addRow(row, out.subarray(start, start + this.table.dim));
      if (this.characters) this.characters.write(characters, out, start + this.table.dim);
    });
    return out;
  }

  /** Return in @ weight + bias, with rows of `stride` numbers. */
  affine(inputs, linear, stride = linear.width) {
    const { kernel, left, out } = this;
    const rows = inputs.length / linear.inner;
    const result = new Float32Array(rows * stride);
    for (let start = 0; start < rows; start += BLOCK) {
      const count = Math.min(BLOCK, rows - start);
      kernel.heap.set(inputs.subarray(start * linear.inner, (start + count) * linear.inner), left);
      for (let i = 0; i < count; i++) kernel.heap.set(linear.bias, out + i * linear.stride);
      kernel.product(left, linear.place, out, count, linear.inner, linear.stride / PANEL);
      for (let i = 0; i < count; i++) {
        const from = out + i * linear.stride;
        result.set(kernel.heap.subarray(from, from + stride), (start + i) * stride);
      }
    }
    return result;
  }

  /** Return the states (N, 2 H) of a batch's tokens, sentence after sentence, and the size of a word's shares. */
  states(tagger, rows, part, lengths) {
    if (!tagger.layers.length) {
      const states = new Float32Array(rows.length * this.inputs);
      const { shares, shareSize } = this;
      rows.forEach((row, t) => states.set(shares.subarray(row * shareSize, (row + 1) * shareSize), t * this.inputs));
      return { states, shares: 0 };
    }
    let shares = this.shares;
    let size = this.shareSize;
    let states;
    tagger.layers.forEach((layer, number) => {
      if (number) { // from the second layer on, each token has its own
        size = layer.inputs.stride;
        shares = this.affine(states, layer.inputs, size);
        rows = Int32Array.from(rows, (_, t) => t);
        part = 0;
      }
      states = new Float32Array(rows.length * 2 * layer.hidden);
      for (const direction of [0, 1]) {
        this.run(layer, direction, { shares, size, rows, start: part + direction * layer.stride }, lengths, states);
      }
    });
    return { states, shares: tagger.layers[0].inputs.stride };
  }

  /** Compute the states of one direction, step by step, of all sentences at once; longer sentences come first. */
  run(layer, direction, words, lengths, states) {
    const { kernel, state, gates } = this;
    const { heap } = kernel;
    const { hidden, stride } = layer;
    const starts = [];
    lengths.reduce((sum, length) => (starts.push(sum), sum + length), 0);
    const cells = new Float32Array(lengths.length * hidden);
    let going = lengths.length;
    for (let step = 0; step < lengths[0]; step++) {
      while (lengths[going - 1] <= step) going--;
      for (let b = 0; b < going; b++) {
        const token = direction ? starts[b] + lengths[b] - 1 - step : starts[b] + step;
        const from = words.rows[token] * words.size + words.start;
        heap.set(words.shares.subarray(from, from + stride), gates + b * stride);
      }
      if (step) kernel.product(state, layer.recurrent[direction], gates, going, hidden, stride / PANEL);
      for (let b = 0; b < going; b++) {
        const token = direction ? starts[b] + lengths[b] - 1 - step : starts[b] + step;
        const out = token * 2 * hidden + direction * hidden;
        const gate = gates + b * stride;
        for (let j = 0; j < hidden; j++) {
          const input = 0.5 * tanh(0.5 * heap[gate + j]) + 0.5; // sigmoid(x) = (1 + tanh(x / 2)) / 2
          const forget = 0.5 * tanh(0.5 * heap[gate + hidden + j]) + 0.5;
          const cell = forget * cells[b * hidden + j] + input * tanh(heap[gate + 2 * hidden + j]);
          cells[b * hidden + j] = cell;
          const value = (0.5 * tanh(0.5 * heap[gate + 3 * hidden + j]) + 0.5) * tanh(cell);
          heap[state + b * hidden + j] = value;
          states[out + j] = value;
        }
      }
    }
  }
}

/** The weights of one tagger of the ensemble: BiLSTM, linear layer, document memory, as the head has them. */
class MemberTagger {
  constructor(kernel, tensors, prefix, inputs, layers) {
    const get = (name) => tensors.get(prefix + name)?.data;
    this.layers = [];
    for (let number = 0; number < layers && get(`lstm.weight_ih_l${number}`); number++) {
      const ends = [`l${number}`, `l${number}_reverse`];
      const biases = ends.map((end) => {
        const other = get(`lstm.bias_hh_${end}`);
        return get(`lstm.bias_ih_${end}`).map((value, i) => value + other[i]);
      });
      const hidden = biases[0].length / 4;
      const linear = new Linear(kernel, ends.map((end) => get(`lstm.weight_ih_${end}`)), biases, inputs);
      const recurrent = ends.map((end) => new Linear(kernel, [get(`lstm.weight_hh_${end}`)], [], hidden).place);
      this.layers.push({ hidden, inputs: linear, recurrent, stride: linear.stride / 2 });
      inputs = 2 * hidden;
    }
    this.states = inputs;
    this.toLabels = new Linear(kernel, [get("to_labels.weight")], [get("to_labels.bias")], inputs);
    this.linears = [this.toLabels, ...this.layers.map((layer) => layer.inputs)];
    this.memory = null;
    if (get("memory.inner.weight")) {
      const inner = new Linear(kernel, [get("memory.inner.weight")], [get("memory.inner.bias")], inputs);
      this.memory = [inner, new Linear(kernel, [get("memory.to_labels.weight")], [], inner.width)];
      this.linears.push(...this.memory);
    }
  }
}

/** The states of the tokens that others look at. */
class KeptStates {
  constructor(tagger, others) {
    this.size = tagger.states;
    this.placeOf = new Map();
    for (const token of tagger.memory && others ? others.flat() : []) {
      if (!this.placeOf.has(token)) this.placeOf.set(token, this.placeOf.size);
    }
    this.states = new Float32Array(this.placeOf.size * this.size);
  }

  keep(token, states, row) {
    const place = this.placeOf.get(token);
    if (place !== undefined) this.states.set(states.subarray(row * this.size, (row + 1) * this.size), place * this.size);
  }

  mean(tokens) {
    const sum = new Float32Array(this.size);
    for (const token of tokens) {
      const from = this.placeOf.get(token) * this.size;
      for (let j = 0; j < this.size; j++) sum[j] += this.states[from + j];
    }
    return sum.map((value) => value / tokens.length);
  }
}

/** Yield the numbers of sentences that are processed together, longest first; empty ones are left out. */
function* batchesOf(sentences) {
  let batch = [];
  let tokens = 0;
  const longestFirst = () => batch.sort((a, b) => sentences[b].length - sentences[a].length);
  for (let number = 0; number < sentences.length; number++) {
    if (!sentences[number].length) continue;
    if (batch.length === BATCH_SENTENCES || (batch.length && tokens + sentences[number].length > BATCH_TOKENS)) {
      yield longestFirst();
      [batch, tokens] = [[], 0];
    }
    batch.push(number);
    tokens += sentences[number].length;
  }
  if (batch.length) yield longestFirst();
}

const MAX_OTHERS = 10; // the nearest occurrences

/** Return the numbers of each token's nearest other occurrences in the document, in their order. */
function otherOccurrences(sentences) {
  const places = new Map(); // of each name
  const others = [];
  for (const word of sentences.flat()) {
    const key = keyOf(word);
    if (key !== null) {
      if (!places.has(key)) places.set(key, []);
      places.get(key).push(others.length);
    }
    others.push([]);
  }
  for (const tokens of places.values()) {
    tokens.forEach((token, i) => {
      let [low, high] = [i - 1, i + 1]; // of two at the same distance, the one before counts as nearer
      while (high - low - 2 < MAX_OTHERS && (low >= 0 || high < tokens.length)) {
        const isBefore = high >= tokens.length || (low >= 0 && token - tokens[low] <= tokens[high] - token);
        if (isBefore) low--;
        else high++;
      }
      others[token] = [...tokens.slice(low + 1, i), ...tokens.slice(i + 1, high)];
    });
  }
  return others;
}
