// From emissions to spans and their probabilities: Viterbi, and the forward-backward algorithm in logarithms.

const logSum = (terms) => {
  const top = Math.max(...terms);
  return top === -Infinity ? top : top + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - top), 0));
};
const scores = (values) => values.map((value) => value ?? -Infinity); // null: not legal

/** Return the spans {start, end, label, score} of the best legal label sequence. `emissions`: T arrays of K. */
export function scoredSpans(emissions, { labels, temperature, crf, spans }) {
  const [start, end, between] = [scores(crf.start), scores(crf.end), crf.between.map(scores)];
  const path = bestPath(emissions, start, end, between);
  const probability = probabilities(emissions, start, end, between, labels, spans, temperature);
  const found = [];
  path.forEach((label, t) => {
    if (labels[label] === "O") return;
    const type = labels[label].slice(2);
    const last = found.at(-1);
    const [single, first] = spans[type];
    // Of legal sequences, every label that cannot begin a span continues one
    if (last?.end === t && label !== first && label !== single) last.end = t + 1;
    else found.push({ start: t, end: t + 1, label: type });
  });
  return found.map((span) => ({ ...span, score: probability(span) }));
}

function bestPath(emissions, start, end, between) {
  let score = start.map((value, k) => value + emissions[0][k]);
  const cameFrom = emissions.slice(1).map((here) => {
    const origins = score.map((_, k) => score.reduce(
      (best, value, j) => (value + between[j][k] > score[best] + between[best][k] ? j : best), 0));
    score = origins.map((origin, k) => score[origin] + between[origin][k] + here[k]);
    return origins;
  });
  score = score.map((value, k) => value + end[k]);
  const path = [score.indexOf(Math.max(...score))];
  for (const origins of cameFrom.reverse()) path.unshift(origins[path[0]]);
  return path;
}

/** Return a function that gives the probability of a span. */
function probabilities(emissions, start, end, between, labels, spans, temperature) {
  const at = emissions.map((here) => Array.from(here, (value) => value / temperature));
  const pair = between.map((row) => row.map((value) => value / temperature));
  const alpha = [start.map((value, k) => value / temperature + at[0][k])];
  for (let t = 1; t < at.length; t++) {
    alpha.push(at[t].map((value, k) => value + logSum(alpha[t - 1].map((before, j) => before + pair[j][k]))));
  }
  const beta = [end.map((value) => value / temperature)];
  for (let t = at.length - 2; t >= 0; t--) {
    beta.unshift(pair.map((row) => logSum(row.map((value, k) => value + at[t + 1][k] + beta[0][k]))));
  }
  const all = logSum(alpha.at(-1).map((value, k) => value + beta.at(-1)[k]));
  return ({ start: first, end: stop, label: type }) => {
    const [only, begin, inner, last] = spans[type];
    let label = stop - first === 1 ? only : begin;
    let total = alpha[first][label];
    for (let t = first + 1; t < stop; t++) {
      const next = t === stop - 1 ? last : inner;
      total += pair[label][next] + at[t][next];
      label = next;
    }
    // Behind the span, anything but what would continue it
    const continues = (k) => labels[k].slice(2) === type && k !== begin && k !== only;
    const after = stop === at.length
      ? beta[stop - 1][label]
      : logSum(pair[label].map((value, k) => (continues(k) ? -Infinity : value + at[stop][k] + beta[stop][k])));
    return Math.min(1, Math.exp(total + after - all));
  };
}
