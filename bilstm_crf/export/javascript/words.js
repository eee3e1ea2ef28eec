// Word forms, and what the network knows of them: see util/word_forms.py, features/vocabulary.py, reading.py.

/** Return the word in NFC, without characters that are never displayed. */
function plainForm(word) {
  if (isAscii(word)) return word;
  return (word.replace(pattern("ignorable", "g"), "") || word).normalize("NFC");
}

/** Return a plain form with plain letters for full-width and mathematical ones, ligatures and the like. */
function compatibleForm(form) {
  if (isAscii(form) || form.normalize("NFKC") === form) return form;
  return plainForm(Array.from(form, (character) => {
    const plain = character.normalize("NFKC");
    return isAlpha(plain) || (lengthOf(plain) === 1 && !isSpace(plain)) ? plain : character;
  }).join(""));
}

/** Return the form with every digit as 0 and line ends as blanks. */
const zeroDigits = (form) => (isAlpha(form) ? form : form.replace(DIGITS, "0").replaceAll("\n", " "));

/** Return whether the token has only blanks, control and ignorable characters. */
const isInvisible = (token) => !/^[!-~]/.test(token) && strip(token.replace(pattern("hidden", "g"), "")) === "";

/** Return what the occurrences of a name share; null for a word that does not start with a capital. */
function keyOf(word) {
  if (/^[a-z]/.test(word)) return null; // most words
  word = plainForm(word);
  if (!isUpper(firstOf(word))) return null;
  return word.endsWith("s") && lengthOf(word) > 3 ? word.slice(0, -1) : word;
}

/** Turns the words of a sentence into those that the network reads (truecasing). */
class RobustReading {
  constructor(words) {
    this.usual = new Map(words.map((word) => [word.toLowerCase(), word]));
  }

  read(tokens) {
    if (tokens.length > 1 && tokens.at(-1) === ".") tokens = tokens.slice(0, -1);
    const text = tokens.join("");
    if (!(isUpper(text) || isLower(text))) return tokens;
    const [first, ...others] = tokens.map((token) => this.usualCase(token));
    const initial = firstOf(first);
    return [initial.toUpperCase() + first.slice(initial.length), ...others];
  }

  usualCase(token) {
    const lower = zeroDigits(plainForm(token)).toLowerCase();
    const known = this.usual.get(lower);
    if (known !== undefined) return known;
    if (lower.includes("-") && lengthOf(lower) > 1) {
      return lower.split("-").map((part) => this.usualCase(part)).join("-");
    }
    if (lower.endsWith("s")) {
      const name = this.usual.get(lower.slice(0, -1)) ?? "";
      if (name !== name.toLowerCase()) return name + "s"; // a genitive
    }
    return lower;
  }
}

/** Words and characters as ids. */
class Vocabulary {
  /** `usual`: for each word whether it is in its usual case, or null; `ngrams`: an NgramVectors or null. */
  constructor({ words, characters, aliases, digits, usual, ngrams }) {
    this.rows = new Map(Object.entries(aliases));
    words.forEach((word, place) => this.rows.set(word, place + 1));
    this.characters = new Map(characters.map((character, place) => [character, place + 1]));
    this.ownDigits = digits === "own_first";
    this.reading = usual && new RobustReading(words.filter((_, place) => usual[place]));
    this.ngrams = ngrams;
  }

  asRead(tokens) {
    return this.reading ? this.reading.read(tokens) : tokens;
  }

  /** Return a word's row or vector, and the ids of the characters that the network reads. */
  lookUp(word) {
    const plain = plainForm(word);
    let form = isAlpha(plain) ? plain : plain.replaceAll("\n", " ") || " ";
    let row = isAlpha(form) ? this.rows.get(form) : undefined;
    row ??= this.find(form);
    if (row === undefined && compatibleForm(form) !== form) {
      form = compatibleForm(form);
      row = this.find(form);
    }
    const zero = zeroDigits(form);
    const vector = row === undefined && this.ngrams ? this.ngrams.vector(this.ownDigits ? form : zero) : null;
    return { row: row ?? 0, vector, characters: Array.from(zero, (c) => this.characters.get(c) ?? 0) };
  }

  find(form) {
    const zero = zeroDigits(form);
    const usual = this.reading ? this.reading.usual.get(zero.toLowerCase()) : undefined;
    for (const exact of this.ownDigits && form !== zero ? [form, zero] : [zero]) {
      const row = this.rows.get(exact) ?? this.rows.get(usual ?? exact.toLowerCase());
      if (row !== undefined) return row;
    }
    return undefined;
  }
}

/** Vectors of unknown words: the mean over those of their n-grams that are known (embeddings/subwords.py). */
class NgramVectors {
  /** `addRow(row, sum)` adds the vector of an n-gram to a Float64Array; `mean`: of all words. */
  constructor({ ngrams, shortest, longest, mean, addRow }) {
    this.rows = new Map(ngrams.map((ngram, row) => [ngram, row]));
    Object.assign(this, { shortest, longest, mean, addRow });
  }

  vector(word) {
    const characters = Array.from(`<${word}>`);
    const sum = new Float64Array(this.mean.length);
    let all = 0;
    let known = 0;
    for (let size = this.shortest; size <= this.longest; size++) {
      for (let start = 0; start + size <= characters.length; start++) {
        const row = this.rows.get(characters.slice(start, start + size).join(""));
        all++;
        if (row === undefined) continue;
        known++;
        this.addRow(row, sum);
      }
    }
    return known ? Float32Array.from(sum, (value, d) => this.mean[d] + Math.fround(value / all)) : null;
  }
}
