// What a file is on the page: sentences with their tokens, the names a model found, and corrections.
// All offsets here count UTF-16 code units, as JavaScript does; the server counts code points.

const WIDE = /[\ud800-\udbff][\udc00-\udfff]/;

/** Return a function from a place in code points to one in UTF-16 code units. */
export function toUnits(text) {
  if (!WIDE.test(text)) return (place) => place;
  const units = [];
  let reached = 0;
  for (const character of text) {
    units.push(reached);
    reached += character.length;
  }
  units.push(reached);
  return (place) => units[Math.min(place, units.length - 1)];
}

/** Return a function from a place in UTF-16 code units to one in code points. */
export function toPoints(text) {
  if (!WIDE.test(text)) return (place) => place;
  return (place) => Array.from(text.slice(0, place)).length;
}

export class Sentence {
  constructor(record, number) {
    const units = toUnits(record.text);
    this.number = number;
    this.text = record.text;
    this.fileStart = record.file_start; // in code points; of a text alone
    this.line = record.line;
    this.id = record.id;
    this.document = record.document;
    this.before = "";
    this.after = "";
    this.tokens = tokensOf(record);
    const spans = (entities) =>
      (entities || []).map((each) => ({ start: units(each.start), end: units(each.end), type: each.label, score: each.score ?? null }));
    this.alternatives = (record.alternatives || []).map((each) => ({ probability: each.probability, spans: spans(each.entities) }));
    const best = this.alternatives.length ? this.alternatives[0].spans : spans(record.entities);
    this.found = spans(record.entities);
    for (const span of this.found) span.added = !best.some((other) => same(span, other));
    this.corrected = null; // the spans of a person, who does not heed the threshold
  }

  /** Return the names to show. Above one half, only those that are sure; below, also missed ones. */
  shown(threshold) {
    if (this.corrected) return this.corrected;
    return this.found.filter((span) => (span.added || threshold > 0.5 ? span.score >= threshold : true));
  }

  /** Return the first and last token of a stretch of text; null if there is none. */
  tokensIn(start, end) {
    const first = this.tokens.findIndex((token) => token.end > start);
    let last = this.tokens.length - 1;
    while (last >= 0 && this.tokens[last].start >= end) last -= 1;
    return first < 0 || last < first ? null : { first, last };
  }
}

export function same(one, other) {
  return one.start === other.start && one.end === other.end && one.type === other.type;
}

function tokensOf(record) {
  let reached = 0;
  return record.tokens.map((token) => {
    const start = record.text.indexOf(token, reached);
    reached = start + token.length;
    return { start, end: reached };
  });
}

/** Return the sentences of an answer in JSONL; of a text, with the white space around them. */
export function sentencesOf(answer, text) {
  const lines = answer.split("\n").filter((line) => line);
  const sentences = lines.map((line, number) => new Sentence(JSON.parse(line), number));
  if (text === null) {
    for (const each of sentences) each.after = "\n";
    return sentences;
  }
  const units = toUnits(text);
  let reached = 0;
  for (const each of sentences) {
    const start = units(each.fileStart);
    each.before = text.slice(reached, start);
    reached = start + each.text.length;
  }
  if (sentences.length) sentences[sentences.length - 1].after = text.slice(reached);
  return sentences;
}

/** Return a file as /v1/convert takes it; for training, a text is a document by the name of its file. */
export function annotationOf(file, threshold, forTraining = false) {
  const isDocument = forTraining && file.kind === "text/plain" && file.name;
  return {
    name: file.name,
    sentences: file.sentences.map((sentence) => {
      const points = toPoints(sentence.text);
      const place = sentence.fileStart === undefined ? {} : { start: sentence.fileStart, before: sentence.before, after: sentence.after };
      const named = Object.fromEntries(["id", "document", "line"].filter((key) => sentence[key]).map((key) => [key, sentence[key]]));
      if (isDocument) named.document = file.name;
      return {
        text: sentence.text,
        tokens: sentence.tokens.map((token) => [points(token.start), points(token.end)]),
        entities: sentence.shown(threshold).map((span) => ({ start: points(span.start), end: points(span.end), label: span.type, score: span.score })),
        ...named,
        ...place,
      };
    }),
  };
}

/** Return a CoNLL-U file with new labels in MISC and nothing else changed. */
export function relabelled(content, sentences, threshold) {
  const mark = content.startsWith("\ufeff") ? "\ufeff" : "";
  const lines = content.slice(mark.length).split("\n");
  let sentence = -1;
  let labels = null; // of the words of this block
  const changed = lines
    .map((line, number) => {
      if (!line.trim()) labels = null;
      const cells = line.split("\t");
      if (!/^\d/.test(line) || cells.length !== 10) return line;
      if (labels === null) {
        sentence += 1;
        labels = labelsOf(lines, number, sentences[sentence], threshold);
      }
      if (!/^\d+$/.test(cells[0])) return line;
      const end = cells[9].endsWith("\r") ? "\r" : "";
      cells[9] = withLabel(cells[9].slice(0, cells[9].length - end.length), labels[Number(cells[0]) - 1]) + end;
      return cells.join("\t");
    })
    .join("\n");
  return mark + changed;
}

/** Return CoNLL-U files as one: a sentence of one never runs on into the next. */
export function joined(files) {
  const [first, ...others] = files.filter((each) => each);
  return others.reduce((whole, each) => {
    const newline = whole.includes("\r\n") ? "\r\n" : "\n";
    const end = /\n\r?\n$/.test(whole) ? "" : whole.endsWith("\n") ? newline : newline + newline;
    return whole + end + each.replace(/^\ufeff/, "");
  }, first || "");
}

/** Return the label of each word; the words of a multi-word token are one token here. */
function labelsOf(lines, first, sentence, threshold) {
  const tokenOf = [];
  let inside = 0;
  let token = -1;
  for (let number = first; number < lines.length && lines[number].trim(); number += 1) {
    const id = lines[number].split("\t")[0];
    const range = /^(\d+)-(\d+)$/.exec(id);
    if (range) {
      inside = Number(range[2]);
      token += 1;
    } else if (/^\d+$/.test(id)) {
      if (Number(id) > inside) token += 1;
      tokenOf.push(token);
    }
  }
  const spans = sentence.shown(threshold).map((span) => ({ ...sentence.tokensIn(span.start, span.end), type: span.type }));
  let before = null;
  return tokenOf.map((place) => {
    const span = spans.find((each) => each.first <= place && place <= each.last) || null;
    const label = span ? `${span === before ? "I" : "B"}-${span.type}` : "O";
    before = span;
    return label;
  });
}

function withLabel(misc, label) {
  const parts = misc === "_" || misc === "" ? [] : misc.split("|").filter((part) => !part.startsWith("name_score="));
  const place = parts.findIndex((part) => part.startsWith("name="));
  if (place < 0) parts.push(`name=${label}`);
  else parts[place] = `name=${label}`;
  return parts.join("|");
}
