// Spans as names: what is cut off (inference/trimming.py), and names that agree (inference/consistency.py).
// A sentence has `tokens` and, in running text, `text` and `offsets` of the tokens in code points.

/** Return the parts of a sentence's spans that can be names, each with its span's score. */
function trimSpans(sentence, spans) {
  if (spans.length && sentence.text) spans = cutSpans(flat(sentence.text), sentence.offsets, spans);
  if (spans.some(({ start, end }) => isInvisible(sentence.tokens[start]) || isInvisible(sentence.tokens[end - 1]))) {
    const shown = sentence.tokens.map((token) => !isInvisible(token));
    spans = spans.flatMap((span) => endingWith(shown, span));
  }
  return spans;
}

/** Return the parts of the spans that are on one line, and outside addresses. */
function cutSpans(text, offsets, spans) {
  if (!pattern("lineEnd").test(text) && !pattern("addressHint").test(text)) return spans;
  const ends = Array.from(text.matchAll(pattern("lineEnd", "g")), (match) => match.index);
  const lines = offsets.map(([start]) => bisect(ends, start, true));
  const inAddress = offsets.map(() => false);
  const tokenEnds = offsets.map(([, end]) => end);
  for (const { 0: address, index } of text.matchAll(pattern("address", "g"))) {
    let token = bisect(tokenEnds, index, true);
    while (token < offsets.length && offsets[token][0] < index + address.length) inAddress[token++] = true;
  }
  const words = offsets.map(([start, end]) => /[\p{L}\p{N}]/u.test(text.slice(start, end)));
  const parts = [];
  for (const span of spans) {
    for (let start = span.start, end = start; start < span.end; start = end) {
      while (end < span.end && lines[end] === lines[start] && inAddress[end] === inAddress[start]) end++;
      if (inAddress[start]) continue;
      const part = { ...span, start, end };
      if (start === span.start && end === span.end) parts.push(part);
      else parts.push(...endingWith(words, part));
    }
  }
  return parts;
}

/** Return the span without unwanted tokens at its ends; nothing if all are unwanted. */
function endingWith(wanted, span) {
  let { start, end } = span;
  while (start < end && !wanted[start]) start++;
  while (end > start && !wanted[end - 1]) end--;
  return start < end ? [{ ...span, start, end }] : [];
}

const PERSON = "PER";
const MIN_SURE = 0.9; // probability of a full name that others follow, and of a span that follows no other
const MIN_POSSIBLE = 0.02; // probability that a bare name is a person, judging by its sentence

/**
 * Return the spans of each sentence with bare names as persons where a sure full name in the document is one.
 * `probability(number, span)`: of a span in a sentence.
 */
function agree(sentences, found, probability) {
  const names = fullNames(sentences, found);
  const changes = apart(bareNames(sentences, found, names)).flatMap((bare) => {
    const score = Math.max(...names.get(bare.key).map(({ number, span }) => probability(number, span)));
    if (score < MIN_SURE || probability(bare.number, bare.person) < MIN_POSSIBLE) return [];
    if (bare.found && probability(bare.number, bare.found) >= MIN_SURE) return [];
    return [{ ...bare, score }];
  });
  if (!changes.length) return found;
  return found.map((spans, number) => {
    const here = changes.filter((change) => change.number === number);
    const gone = new Set(here.map((change) => change.found));
    const persons = here.map(({ person, score }) => ({ ...person, score }));
    return [...spans.filter((span) => !gone.has(span)), ...persons].sort((a, b) => a.start - b.start);
  });
}

/** Return the persons' full names by their first and their last token. */
function fullNames(sentences, found) {
  const names = new Map();
  found.forEach((spans, number) => {
    for (const span of spans) {
      if (span.type !== PERSON || span.end - span.start === 1) continue;
      const { tokens } = sentences[number];
      for (const key of new Set([keyOf(tokens[span.start]), keyOf(tokens[span.end - 1])])) {
        if (key === null) continue;
        if (!names.has(key)) names.set(key, []);
        names.get(key).push({ number, span });
      }
    }
  });
  return names;
}

/** Return each token that is such a bare name, and neither a person already nor part of a longer span. */
function bareNames(sentences, found, names) {
  return sentences.flatMap((sentence, number) => {
    if (!names.size) return [];
    const covered = new Map();
    for (const span of found[number]) for (let t = span.start; t < span.end; t++) covered.set(t, span);
    return sentence.tokens.flatMap((word, token) => {
      const key = keyOf(word);
      if (key === null || !names.has(key)) return [];
      const old = covered.get(token);
      const beside = [covered.get(token - 1)?.type, covered.get(token + 1)?.type];
      if (beside.includes(PERSON) || (old && (old.type === PERSON || old.end - old.start > 1))) return [];
      const person = { start: token, end: token + 1, type: PERSON };
      return trimSpans(sentence, [person]).length ? [{ number, person, key, found: old }] : [];
    });
  });
}

/** Return the bare names without those side by side: a full name that was missed, not two persons. */
function apart(bare) {
  const places = new Set(bare.map(({ number, person }) => `${number} ${person.start}`));
  return bare.filter(
    ({ number, person }) => !places.has(`${number} ${person.start - 1}`) && !places.has(`${number} ${person.end}`),
  );
}
