// Tag sentences of a document with a model that was exported by
//
//   bilstm-crf export --format onnx -o tagger.onnx
//
// node tag.mjs tagger.onnx "Kari Nordmann bor i Oslo ." "Nordmann er lege ."
//
// Each argument is a sentence of tokens with blanks between them; together they are one document.
// Prints a line of JSON for each: [{"text", "label", "score", "start", "end"}], counted in tokens.

import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";
import { scoredSpans } from "./crf.mjs";
import { Vocabulary, otherOccurrences } from "./vocabulary.mjs";

const [graph, ...given] = process.argv.slice(2);
if (!graph || !given.length) {
  console.error('usage: node tag.mjs tagger.onnx "Kari Nordmann bor i Oslo ." …');
  process.exit(2);
}
const content = JSON.parse(await readFile(graph.replace(/\.onnx$/, ".json"), "utf8"));
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(new Uint8Array(await readFile(graph)));

const sentences = given.map((sentence) => sentence.split(" ").filter(Boolean));
const spans = await tag(sentences);
sentences.forEach((tokens, s) => console.log(JSON.stringify(
  spans[s].map(({ start, end, label, score }) => ({ text: tokens.slice(start, end).join(" "), label, score, start, end })),
)));

async function tag(sentences) {
  const vocabulary = new Vocabulary(content);
  const read = sentences.map((tokens) => vocabulary.asRead(tokens));
  const feeds = feedsOf(vocabulary, read);
  const { emissions } = await session.run(feeds); // (T, S, K)
  const [steps, count, labels] = emissions.dims;
  return read.map((tokens, s) => {
    const own = tokens.map((_, t) => emissions.data.subarray((t * count + s) * labels, (t * count + s + 1) * labels));
    return own.length ? scoredSpans(own, content) : [];
  });
}

/** Return the inputs of the graph; see bilstm_crf/export/graph.py. */
function feedsOf(vocabulary, read) {
  const words = [...new Set(read.flat())].map((word) => vocabulary.lookUp(word));
  const numberOf = new Map([...new Set(read.flat())].map((word, number) => [word, number]));
  const made = words.filter((word) => word.ngrams);
  const ids = words.map((word) => (word.ngrams ? vocabulary.rows + made.indexOf(word) : word.row));
  const steps = Math.max(...read.map((tokens) => tokens.length));
  const tokens = Array.from({ length: steps }, (_, t) => read.map((each) => numberOf.get(each[t]) ?? 0));
  const feeds = {
    words: tensor(ids, [ids.length]),
    characters: table(words.map((word) => word.characters)),
    tokens: tensor(tokens.flat(), [steps, read.length]),
    lengths: tensor(read.map((each) => each.length), [read.length]),
  };
  if (content.ngrams) {
    feeds.ngrams = table(made.map((word) => word.ngrams));
    feeds.ngram_counts = tensor(made.map((word) => word.ngramCount), [made.length]);
  }
  if (content.max_others) {
    const found = otherOccurrences(read, content.max_others);
    const remembering = found.filter(({ others }) => others.length);
    const place = ({ t, s }) => t * read.length + s;
    feeds.remembering = tensor(remembering.map(place), [remembering.length]);
    feeds.others = table(remembering.map(({ others }) => others.map(place)), content.max_others);
  }
  // A model without a character CNN, for example, has no such input
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
}

function tensor(numbers, shape) {
  return new ort.Tensor("int32", Int32Array.from(numbers), shape);
}

/** Return rows as a tensor, with -1 behind the end of each. */
function table(rows, width = 1) {
  width = Math.max(width, ...rows.map((row) => row.length));
  return tensor(rows.flatMap((row) => [...row, ...Array(width - row.length).fill(-1)]), [rows.length, width]);
}
