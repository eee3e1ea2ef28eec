// From emissions to labels, spans and their probabilities: kernels/plain.py and inference/marginals.py.

class Crf {
  /** Tensors: start, end (K,) and between (K, K), -Infinity where not legal; prefixes (Y, 4); continues (K, K). */
  constructor({ start, end, between, prefixes, continues, labels, temperature }) {
    Object.assign(this, { start, end, between, prefixes, continues, labels, temperature });
    this.size = labels.length;
    this.types = [...new Set(labels.slice(1).map((label) => label.slice(2)))];
    this.startWeights = start.map((score) => Math.exp(score / temperature));
    this.endWeights = end.map((score) => Math.exp(score / temperature));
    this.weights = between.map((score) => Math.exp(score / temperature));
  }

  /** Return the best label sequence (Viterbi) of emissions (T, K); of equal ones, that with lower ids. */
  best(emissions) {
    const K = this.size;
    const length = emissions.length / K;
    const cameFrom = new Uint16Array(length * K);
    let score = this.start.map((value, k) => value + emissions[k]);
    for (let t = 1; t < length; t++) {
      const next = new Float64Array(K);
      for (let k = 0; k < K; k++) {
        let best = -Infinity;
        let origin = 0;
        for (let j = 0; j < K; j++) {
          const through = score[j] + this.between[j * K + k];
          if (through > best) [best, origin] = [through, j];
        }
        cameFrom[t * K + k] = origin;
        next[k] = best + emissions[t * K + k];
      }
      score = next;
    }
    let label = 0;
    score = score.map((value, k) => value + this.end[k]);
    for (let k = 1; k < K; k++) if (score[k] > score[label]) label = k;
    const path = new Uint16Array(length);
    for (let t = length - 1; t >= 0; t--) {
      path[t] = label;
      label = cameFrom[t * K + label];
    }
    return path;
  }

  /** Return the spans {start, end, type} of a legal label sequence. */
  spans(path) {
    const spans = [];
    path.forEach((label, t) => {
      if (label === 0) return;
      if (t && this.continues[path[t - 1] * this.size + label]) spans.at(-1).end = t + 1;
      else spans.push({ start: t, end: t + 1, type: this.labels[label].slice(2) });
    });
    return spans;
  }

  marginals(emissions) {
    return new Marginals(this, emissions);
  }
}

/** The probabilities of one sentence's spans, by the forward-backward algorithm with a scale at each token. */
class Marginals {
  constructor(crf, emissions) {
    const K = crf.size;
    const length = emissions.length / K;
    this.crf = crf;
    this.length = length;
    this.tokens = new Float64Array(length * K); // exp(emissions), the largest of a token 1
    this.alpha = new Float64Array(length * K); // forward messages, which sum to 1 at each token
    this.beta = new Float64Array(length * K); // backward messages
    this.scales = new Float64Array(length);
    for (let t = 0; t < length; t++) {
      let top = -Infinity;
      for (let k = 0; k < K; k++) top = Math.max(top, emissions[t * K + k]);
      for (let k = 0; k < K; k++) {
        this.tokens[t * K + k] = Math.exp((emissions[t * K + k] - top) / crf.temperature);
      }
    }
    this.forward();
    this.backward();
  }

  forward() {
    const { crf, alpha, tokens, scales } = this;
    const K = crf.size;
    for (let t = 0; t < this.length; t++) {
      let total = 0;
      for (let k = 0; k < K; k++) {
        let sum = t ? 0 : crf.startWeights[k];
        if (t) for (let j = 0; j < K; j++) sum += alpha[(t - 1) * K + j] * crf.weights[j * K + k];
        alpha[t * K + k] = sum * tokens[t * K + k];
        total += alpha[t * K + k];
      }
      scales[t] = total;
      for (let k = 0; k < K; k++) alpha[t * K + k] /= total;
    }
    let last = 0;
    for (let k = 0; k < K; k++) last += alpha[(this.length - 1) * K + k] * crf.endWeights[k];
    this.last = last; // the partition function is this times all scales
  }

  backward() {
    const { crf, beta, tokens, scales } = this;
    const K = crf.size;
    for (let k = 0; k < K; k++) beta[(this.length - 1) * K + k] = crf.endWeights[k] / this.last;
    for (let t = this.length - 2; t >= 0; t--) {
      for (let k = 0; k < K; k++) beta[t * K + k] = this.onward(t, k, () => true);
    }
  }

  /** Return the share of all sequences after label k of token t, where the next label is one of `allowed`. */
  onward(t, k, allowed) {
    const { crf, beta, tokens, scales } = this;
    const K = crf.size;
    let sum = 0;
    for (let l = 0; l < K; l++) {
      if (allowed(l)) sum += crf.weights[k * K + l] * tokens[(t + 1) * K + l] * beta[(t + 1) * K + l];
    }
    return sum / scales[t + 1];
  }

  /** Return the probability that exactly this span is there; that of an unknown type is 0. */
  ofSpan({ start, end, type }) {
    const { crf } = this;
    const K = crf.size;
    const number = crf.types.indexOf(type);
    if (number < 0 || end > this.length) return 0;
    const [single, first, inner, last] = crf.prefixes.subarray(4 * number, 4 * number + 4);
    let label = end - start === 1 ? single : first;
    let share = this.alpha[start * K + label];
    for (let t = start + 1; t < end; t++) {
      const following = t === end - 1 ? last : inner;
      share *= (crf.weights[label * K + following] * this.tokens[t * K + following]) / this.scales[t];
      label = following;
    }
    const after = end < this.length
      ? this.onward(end - 1, label, (next) => !crf.continues[label * K + next])
      : this.beta[(end - 1) * K + label];
    const probability = Math.min(share * after, 1);
    return Number.isNaN(probability) ? 0 : probability;
  }
}
