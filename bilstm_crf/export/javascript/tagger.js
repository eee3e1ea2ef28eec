// The tagger: a model's file in, names out. inference/tagger.py.

const ARRAYS = { U8: Uint8Array, I8: Int8Array, I64: BigInt64Array, F16: Uint16Array, F32: Float32Array, F64: Float64Array };

/** Return the tensors {shape, data} of a safetensors file by their names; float16 as float32. */
function readTensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const halves = halfValues();
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    let data = new ARRAYS[dtype](buffer.slice(8 + length + start, 8 + length + end));
    if (dtype === "F16") data = Float32Array.from(data, (bits) => halves[bits]);
    if (dtype === "I64") data = Int32Array.from(data, Number);
    tensors.set(name, { shape, data });
  }
  return tensors;
}

class Tagger {
  /** `about`: what the page says of the model; `buffer`: its tensors. */
  constructor(about, buffer, options) {
    usePatterns(about.patterns);
    useNorwegian(about.norwegian);
    const tensors = readTensors(buffer);
    const data = (name) => tensors.get(name)?.data;
    const text = (name) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(data(name));
    const lines = (name) => (data(name).length ? text(name).split("\n") : []);
    let ngrams = null;
    if (data("subwords.ngrams")) {
      const table = new Table(tensors, "subwords", "subwords.steps", "subwords.scales");
      const [shortest, longest] = about.ngrams;
      const addRow = (row, sum) => table.addRow(row, sum);
      ngrams = new NgramVectors({ ngrams: lines("subwords.ngrams"), shortest, longest, mean: data("subwords.mean"), addRow });
    }
    this.vocabulary = new Vocabulary({
      words: lines("words"),
      characters: Array.from(text("characters")),
      aliases: about.aliases,
      digits: about.digits,
      usual: data("words.usual") ?? null,
      ngrams,
    });
    this.crf = new Crf({
      start: data("crf.start"),
      end: data("crf.end"),
      between: data("crf.between"),
      prefixes: data("crf.prefixes"),
      continues: data("crf.continues"),
      labels: about.labels,
      temperature: about.temperature,
    });
    this.remembers = about.architecture.document_memory > 0;
    this.network = new Network(tensors, about.architecture, this.vocabulary, options);
  }

  /**
   * Return the names of a text {start, end, from, to, type, score}, and how many tokens and sentences it has.
   * `start` and `end` count code points, as in Python; `from` and `to` are indexes of the string.
   */
  tagText(text, progress) {
    text = wellFormed(text);
    const places = codePointPlaces(text);
    const at = (place) => (places === null ? place : places[place]);
    const sentences = splitText(text);
    const found = this.tagDocument(sentences, { consistent: !this.remembers, progress });
    const names = sentences.flatMap((sentence, number) => found[number].map((span) => {
      const start = sentence.start + sentence.offsets[span.start][0];
      const end = sentence.start + sentence.offsets[span.end - 1][1];
      return { start, end, from: at(start), to: at(end), type: span.type, score: span.score };
    }));
    return { names, sentences: sentences.length, tokens: sentences.reduce((sum, each) => sum + each.tokens.length, 0) };
  }

  /** Return the spans {start, end, type, score} of each sentence of a document. */
  tagDocument(sentences, { consistent = false, progress } = {}) {
    const read = sentences.map(({ tokens }) => this.vocabulary.asRead(tokens));
    const emissions = this.emissions(read, progress);
    const K = this.crf.size;
    const parts = [];
    read.reduce((start, tokens) => {
      parts.push(emissions.subarray(start * K, (start + tokens.length) * K));
      return start + tokens.length;
    }, 0);
    const marginals = new Map();
    const probability = (number, span) => {
      if (!marginals.has(number)) marginals.set(number, this.crf.marginals(parts[number]));
      return marginals.get(number).ofSpan(span);
    };
    const found = sentences.map((sentence, number) => {
      if (!parts[number].length) return [];
      const spans = this.crf.spans(this.crf.best(parts[number]));
      return trimSpans(sentence, spans.map((span) => ({ ...span, score: probability(number, span) })));
    });
    return consistent ? agree(sentences, found, probability) : found;
  }

  /** Return the emissions (N, K) of a document's sentences, as the network reads them. */
  emissions(read, progress) {
    return this.network.emissions(read, this.remembers ? otherOccurrences(read) : null, progress);
  }
}
