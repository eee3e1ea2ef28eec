// Split Norwegian text into sentences and tokens: formats/norwegian.py and formats/text.py, function by function.
// Offsets are [start, end] in code points. Patterns and words come from Python.

let WORDS; // known, inner, months, domains, starters, open: sets of words
let NEEDED; // the patterns, compiled once

function useNorwegian(words) {
  WORDS = Object.fromEntries(Object.entries(words).map(([name, list]) => [name, new Set(list)]));
  const all = ["token", "stop", "filled", "lineContent", "emptyLines", "lineBom"];
  const here = ["next", "beginning"];
  const once = ["range", "number", "initials", "longWord", "listItem", "byline", "hidden", "styled"];
  NEEDED = {};
  for (const name of all) NEEDED[name] = pattern(name, "g");
  for (const name of here) NEEDED[name] = pattern(name, "y");
  for (const name of once) NEEDED[name] = pattern(name);
}

function matchAt(expression, text, place) {
  expression.lastIndex = place;
  return expression.exec(text);
}

// ---------------------------------------------------------------- plain text

const MARK = /\p{M}/u;
const joins = (character) => MARK.test(character) || (character >= "\u1161" && character <= "\u11ff");

/** A text in NFC without hidden characters, and the offsets of its characters in the original. */
class PlainText {
  constructor(text) {
    this.text = text;
    this.places = null;
    if (!NEEDED.hidden.test(text) && !NEEDED.styled.test(text) && text.normalize("NFC") === text) return;
    const characters = [];
    this.places = [];
    for (const [start, end, shown] of clusters(text)) {
      const composed = shown.normalize(NEEDED.styled.test(firstOf(shown)) ? "NFKC" : "NFC");
      characters.push(composed);
      for (let rest = lengthOf(composed), first = true; rest > 0; rest--, first = false) {
        this.places.push(first ? [start, end] : [end, end]);
      }
    }
    this.text = characters.join("");
  }

  original([start, end]) {
    return this.places === null ? [start, end] : [this.places[start][0], this.places[end - 1][1]];
  }
}

/** Yield start, end and text of each character with its combining ones, without hidden characters. */
function* clusters(text) {
  let start = 0;
  let end = 0;
  let position = -1;
  let shown = [];
  for (const character of text) {
    position++;
    if (NEEDED.hidden.test(character)) continue;
    if (shown.length && (!joins(character) || isSpace(shown.at(-1)))) {
      yield [start, end, shown.join("")];
      shown = [];
    }
    if (!shown.length) start = position;
    shown.push(character);
    end = position + 1;
  }
  if (shown.length) yield [start, end, shown.join("")];
}

/** Return the offsets of each token of a text, sentence by sentence. */
function sentenceOffsets(text) {
  const plain = new PlainText(text);
  return new NorwegianText(flat(plain.text)).sentences()
    .map((sentence) => sentence.map((span) => plain.original(span)).filter(([start, end]) => start < end))
    .filter((sentence) => sentence.length);
}

// ---------------------------------------------------------------- tokens

const ENDING_MARKS = new Set(".?!:…"); // what may end a sentence
const NEAR = 20; // characters; no abbreviation is longer
const MAX_REMEMBERED = 40; // characters of a chunk
const REMEMBERED = new Map();

/** Return the tokens of a chunk without white space, and which of them may end a sentence. */
function pieces(chunk) {
  if (isAlnum(chunk)) return { found: [[0, chunk.length]], marks: [] };
  const found = [];
  for (const match of chunk.matchAll(NEEDED.token)) {
    let start = match.index;
    const end = start + match[0].length;
    if (chunk[start] === "-" && start + 1 < end && isUpper(chunk[start + 1])) { // "-Ja", but "-kledd"
      found.push([start, start + 1]);
      start++;
    }
    if ("'’".includes(chunk[end - 1]) && end - start > 1 && "'’‘".includes(chunk[0])) { // 'Jets', but Hellas'
      found.push([start, end - 1], [end - 1, end]);
    } else {
      found.push(...parts(chunk, start, end));
    }
  }
  const marks = found.flatMap(([start], i) => (ENDING_MARKS.has(chunk[start]) ? [i] : []));
  return { found, marks };
}

/** Split a word with full stops or hyphens where NDT does: 1-4, kl.12, 19.plass, hjem.Han. */
function parts(chunk, start, end) {
  const word = chunk.slice(start, end);
  if (word.includes("-")) {
    const match = NEEDED.range.exec(word);
    if (match && (isDigit(word[0]) || WORDS.months.has(match[1]))) {
      const middle = start + match[1].length;
      return [[start, middle], [middle, middle + 1], [middle + 1, end]];
    }
  }
  const found = [];
  if (word.includes(".") && !word.includes("@") && !word.includes("/")) {
    const first = start;
    const known = knownPrefix(word);
    for (const { index: stop } of word.matchAll(NEEDED.stop)) {
      if (stop < known) continue;
      const at = first + stop;
      const left = word.slice(Math.max(0, stop - NEAR), stop).split(".").at(-1);
      const right = word.slice(stop + 1, stop + 1 + NEAR);
      if (left.length > 1 && isLower(left.at(-1)) && isUpper(right[0]) && !WORDS.known.has(left.toLowerCase())) {
        found.push([start, at], [at, at + 1]);
      } else if (standsAlone(left, right)) {
        found.push([start, at + 1]);
      } else {
        continue;
      }
      start = at + 1;
    }
  }
  return [...found, [start, end]];
}

/** Return the length of the longest abbreviation of several parts that the word begins with. */
function knownPrefix(word) {
  for (let i = Math.min(word.length, NEAR); i > 2; i--) {
    const prefix = word.slice(0, i);
    if (prefix.includes(".") && WORDS.known.has(prefix.toLowerCase())) return i;
  }
  return 0;
}

/** Return whether `left` and its full stop are a token: 19.plass, kl.12, but 17.mai, vg.no. */
function standsAlone(left, right) {
  if (isDigit(left)) return isAlpha(right[0]) && !WORDS.months.has(matchAt(NEEDED.beginning, right, 0)[0]);
  return WORDS.known.has(left.toLowerCase()) && left.length > 1 && !WORDS.domains.has(right) && right !== "s";
}

/** Return the tokens, with each full stop alone, and the indexes of those that may end a sentence. */
function tokensOf(text) {
  const tokens = [];
  const marks = [];
  for (const { 0: chunk, index: start } of text.matchAll(NEEDED.filled)) {
    let split = REMEMBERED.get(chunk);
    if (split === undefined) {
      split = pieces(chunk);
      if (REMEMBERED.size > 1 << 15) REMEMBERED.clear();
      if (chunk.length <= MAX_REMEMBERED) REMEMBERED.set(chunk, split);
    }
    for (const i of split.marks) marks.push(tokens.length + i);
    for (const [a, b] of split.found) tokens.push([start + a, start + b]);
  }
  return { tokens, marks };
}

// ---------------------------------------------------------------- sentences

const CLOSING = new Set("»”’)]}\"'");
const MAX_ASIDE = 300; // characters between an opening bracket or quote and a colon inside
const PAIRS = [["«", "»"], ["(", ")"], ["[", "]"], ["“", "”"]];

/** Return how many of the sorted numbers are smaller (`right`: or equal). */
function bisect(numbers, wanted, right) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (right ? numbers[middle] <= wanted : numbers[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The tokens of one text, and where its sentences begin. */
class NorwegianText {
  constructor(text) {
    this.text = text;
    Object.assign(this, tokensOf(text));
    const starts = this.tokens.map(([start]) => start);
    this.lineStarts = [0, ...Array.from(lineStarts(text), (position) => bisect(starts, position, false))];
    this.start = 0; // of the sentence
  }

  sentences() {
    const { tokens, lineStarts } = this;
    const ends = new Set([...lineStarts, tokens.length]);
    for (const mark of this.marks) {
      this.start = Math.max(this.start, lineStarts[bisect(lineStarts, mark, true) - 1]);
      let following = mark + 1;
      while (following < tokens.length && this.closes(following)) following++;
      if (ends.has(following)) continue;
      const [cut, merged] = this.decide(mark, following);
      if (merged) {
        tokens[mark] = [tokens[mark - 1][0], tokens[mark][1]];
        tokens[mark - 1] = [0, 0];
      }
      if (cut) {
        ends.add(following);
        this.start = following;
      }
    }
    const found = [];
    let reached = 0;
    for (const end of [...ends].sort((a, b) => a - b)) {
      const sentence = tokens.slice(reached, end).filter((span) => span[1]);
      if (sentence.length) found.push(sentence);
      reached = end;
    }
    return found;
  }

  /** A token's text; as in Python, index -1 is the last token. */
  word(index) {
    return this.text.slice(...this.tokens.at(index));
  }

  /** Return whether a token is a closing bracket or quote right behind the one before it. */
  closes(index) {
    const [start] = this.tokens[index];
    return CLOSING.has(this.text[start]) && this.tokens[index - 1][1] === start;
  }

  /** Return whether a sentence begins at `following`, and whether the mark joins the word before it. */
  decide(mark, following) {
    const { text, tokens } = this;
    const start = tokens[following][0];
    const match = matchAt(NEEDED.next, text, start);
    const after = match ? match[1] : "A";
    const sign = text[start];
    const goesOn = isLower(after) || ",;:?!.…".includes(sign) || (CLOSING.has(sign) && sign !== '"' && sign !== "'");
    const apart = tokens[following - 1][1] < start;
    const own = this.word(mark);
    if (own === ":") return [apart && !goesOn && !isDigit(after) && !this.inAside(mark), false];
    if (own !== ".") return [apart && !goesOn, false];
    const kind = this.kind(mark);
    const closed = following > mark + 1 && ")]".includes(this.word(mark + 1));
    if (kind === "inner" || (kind && closed)) return [false, true];
    if (kind === "initials") {
      if (following > mark + 1 && this.word(mark - 1).includes(".")) return [false, true]; // «A.I.»
      const isName = isUpper(after) && !WORDS.starters.has(this.word(following));
      return [apart && !goesOn && !isName, isName || goesOn];
    }
    if (kind === "number") {
      const first = mark - 1 === this.start;
      const before = mark > 1 ? this.word(mark - 2) : "";
      const inDate = before.endsWith(".") && isDigit(before[0]);
      const merged = goesOn || first || (isDigit(after) && (inDate || this.word(following).length < 3));
      return [!merged, merged];
    }
    if (kind === "final" && goesOn) return [false, true];
    if (isLower(after) && following === mark + 1) { // "vi gikk. så kom": chat, or an unknown abbreviation
      return [apart && NEEDED.longWord.test(this.word(mark - 1)), false];
    }
    return [!goesOn && (apart || isUpper(after)), false];
  }

  /** Return what the word before a full stop is: an abbreviation, a number, initials; "" for others. */
  kind(mark) {
    if (!mark || this.tokens[mark - 1][1] !== this.tokens[mark][0]) return "";
    const word = this.word(mark - 1);
    const lower = word.toLowerCase();
    if (WORDS.known.has(lower) && !(word.length === 1 && isUpper(word))) {
      return WORDS.inner.has(lower) ? "inner" : "final";
    }
    if (NEEDED.number.test(word)) return "number";
    return NEEDED.initials.test(word) && (isUpper(word) || word.length > 1) ? "initials" : "";
  }

  /** Return whether a token stands inside brackets or quotes that opened within the sentence. */
  inAside(mark) {
    const end = this.tokens[mark][0];
    const start = Math.max(this.tokens[this.start][0] + 1, end - MAX_ASIDE);
    const between = this.text.slice(start, end);
    return PAIRS.some(([opening, closing]) => between.lastIndexOf(opening) > between.lastIndexOf(closing));
  }
}

// ---------------------------------------------------------------- lines

// Of wrapped lines, in characters; narrower ones only where several lines say so
const MIN_WIDTH = 60;
const NARROW = 30;
const MAX_WIDTH = 132;

const countOf = (text, sign) => text.split(sign).length - 1;

/** Yield where a line begins that is the first of a sentence: after headlines, bylines, list items. */
function* lineStarts(text) {
  if (!/[\n\r]/.test(text)) return;
  let block = [];
  let reached = 0;
  for (const { 0: whole, index } of text.matchAll(NEEDED.lineContent)) {
    const line = strip(whole);
    if (!line) continue;
    const between = text.slice(reached, index);
    const ends = countOf(between, "\n") + countOf(between, "\r") - countOf(between, "\r\n");
    if (block.length && ends > 1) {
      yield* startsIn(block);
      yield index;
      block = [];
    }
    block.push([index + whole.indexOf(line[0]), line]);
    reached = index + rstrip(whole).length;
  }
  yield* startsIn(block);
}

/** Yield the starts of sentences among the lines of a block that has no empty line. */
function* startsIn(block) {
  if (block.length < 2) return;
  const width = Math.max(...block.map(([, line]) => line.length));
  // A line is full if the next one's first word did not fit: then a break says nothing.
  const full = block.slice(1).map(([, below], i) => block[i][1].length + 1 + firstWord(below).length > width);
  const last = block.at(-1)[1].replace(/[»”"'’)]{1,1000}$/, "").at(-1) ?? "";
  const share = full.filter(Boolean).length / full.length;
  const isWrapped =
    width <= MAX_WIDTH &&
    ((width >= MIN_WIDTH && ".?!:".includes(last) && last !== "") ||
      (width >= NARROW && block.length > 3 && share > 0.7));
  for (let i = 1; i < block.length; i++) {
    const [start, below] = block[i];
    if (isBreak(block[i - 1][1], below, width) && !(isWrapped && full[i - 1])) yield start;
  }
}

const firstWord = (line) => line.slice(0, line.search(ONE_SPACE) < 0 ? line.length : line.search(ONE_SPACE));

/** Return whether a sentence ends with the line above, if that is not just full. */
function isBreak(above, below, width) {
  if (NEEDED.listItem.test(below) || ("-–—".includes(below[0]) && ".?!:".includes(above.at(-1)))) return true;
  if (isLower(below[0]) || ",;(«/&.?!…".includes(above.at(-1)) || above.endsWith(" -") || above.endsWith(" –")) {
    return false;
  }
  if (NEEDED.byline.test(below)) return true;
  return width >= MIN_WIDTH || !WORDS.open.has(lastWord(above).toLowerCase());
}

function lastWord(line) {
  let start = line.length;
  while (start > 0 && !ONE_SPACE.test(line[start - 1])) start--;
  return line.slice(start);
}

// ---------------------------------------------------------------- paragraphs

/**
 * Split running text into sentences, a paragraph at a time. Each has its tokens, its text, the tokens'
 * offsets in that and its own offset in the whole text, in code points.
 */
function splitText(text) {
  const sentences = [];
  let reached = 0; // in UTF-16
  let base = 0; // the same in code points
  const ends = /[\n\r]/.test(text)
    ? Array.from(text.matchAll(NEEDED.emptyLines), (match) => match.index + match[0].length)
    : [];
  for (const end of [...ends, text.length]) {
    const whole = text.slice(reached, end);
    const body = whole.includes("\ufeff") ? whole.replace(NEEDED.lineBom, " ") : whole;
    const places = codePointPlaces(whole);
    const at = (place) => (places === null ? place : places[place]);
    for (const offsets of isSpace(body) ? [] : sentenceOffsets(body)) {
      const start = offsets[0][0];
      sentences.push({
        tokens: offsets.map(([a, b]) => body.slice(at(a), at(b))),
        text: whole.slice(at(start), at(offsets.at(-1)[1])),
        offsets: offsets.map(([a, b]) => [a - start, b - start]),
        start: base + start,
      });
    }
    base += places === null ? whole.length : places.length - 1;
    reached = end;
  }
  return sentences;
}
