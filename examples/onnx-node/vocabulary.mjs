// Words as the network reads them: what bilstm_crf/features and bilstm_crf/util/word_forms.py do, in short.

// Characters that are never displayed (Unicode's Default_Ignorable_Code_Point)
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
// What Python's str.isdigit is true of: decimal digits, and those in circles, raised, …
const DIGIT = new RegExp(
  "[\\p{Nd}\\xb2\\xb3\\xb9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468\\u2474-\\u247c" +
    "\\u2488-\\u2490\\u24ea\\u24f5-\\u24fd\\u24ff\\u2776-\\u277e\\u2780-\\u2788\\u278a-\\u2792]", "gu");

const isAlpha = (text) => /^\p{L}+$/u.test(text);
const isUpper = (text) => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
const isLower = (text) => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
const plainForm = (word) => (word.replace(IGNORABLE, "") || word).normalize("NFC");
const zeroDigits = (form) => (isAlpha(form) ? form : form.replace(DIGIT, "0").replaceAll("\n", " "));

/** Return a form with plain letters for full-width and mathematical ones, ligatures and the like. */
function compatibleForm(form) {
  return plainForm(Array.from(form, (character) => {
    const plain = character.normalize("NFKC");
    return isAlpha(plain) || (Array.from(plain).length === 1 && plain.trim()) ? plain : character;
  }).join(""));
}

/** The exported vocabulary. */
export class Vocabulary {
  constructor(content) {
    this.rows = content.words.length + 1; // of the word table
    this.rowOf = new Map(Object.entries(content.aliases));
    content.words.forEach((word, place) => this.rowOf.set(word, place + 1));
    this.idOf = new Map(content.characters.map((character, place) => [character, place + 1]));
    this.ownDigits = content.digits === "own_first";
    this.usual = content.usual && new Map(content.usual.map((row) => {
      const word = content.words[row - 1];
      return [word.toLowerCase(), word];
    }));
    this.ngrams = content.ngrams;
    this.ngramOf = new Map((content.ngrams?.list ?? []).map((ngram, id) => [ngram, id]));
  }

  /** Return the words that the network reads: no final full stop, and no sentence in capitals or lower case. */
  asRead(tokens) {
    if (!this.usual) return tokens;
    if (tokens.length > 1 && tokens.at(-1) === ".") tokens = tokens.slice(0, -1);
    const text = tokens.join("");
    if (!isUpper(text) && !isLower(text)) return tokens;
    const [first, ...others] = tokens.map((token) => this.usualCase(token));
    const [initial] = first;
    return [initial.toUpperCase() + first.slice(initial.length), ...others];
  }

  usualCase(token) {
    const lower = zeroDigits(plainForm(token)).toLowerCase();
    if (this.usual.has(lower)) return this.usual.get(lower);
    if (lower.includes("-") && lower.length > 1) return lower.split("-").map((part) => this.usualCase(part)).join("-");
    const name = lower.endsWith("s") ? this.usual.get(lower.slice(0, -1)) ?? "" : "";
    return name !== name.toLowerCase() ? name + "s" : lower; // a genitive
  }

  /** Return a word's row (0: unknown), its characters and, if it is made from them, its known n-grams. */
  lookUp(word) {
    let form = plainForm(word).replaceAll("\n", " ") || " ";
    let row = (isAlpha(form) ? this.rowOf.get(form) : undefined) ?? this.find(form);
    if (row === undefined && compatibleForm(form) !== form) {
      form = compatibleForm(form);
      row = this.find(form);
    }
    const zero = zeroDigits(form);
    const found = { row: row ?? 0, characters: Array.from(zero, (character) => this.idOf.get(character) ?? 0) };
    if (row !== undefined || !this.ngrams) return found;
    const all = ngramsOf(this.ownDigits ? form : zero, this.ngrams);
    const ngrams = all.map((ngram) => this.ngramOf.get(ngram)).filter((id) => id !== undefined);
    return ngrams.length ? { ...found, ngrams, ngramCount: all.length } : found;
  }

  find(form) {
    const zero = zeroDigits(form);
    const usual = this.usual?.get(zero.toLowerCase());
    for (const exact of this.ownDigits && form !== zero ? [form, zero] : [zero]) {
      const row = this.rowOf.get(exact) ?? this.rowOf.get(usual ?? exact.toLowerCase());
      if (row !== undefined) return row;
    }
    return undefined;
  }
}

function ngramsOf(word, { shortest, longest }) {
  const characters = Array.from(`<${word}>`);
  const found = [];
  for (let size = shortest; size <= longest; size++) {
    for (let start = 0; start + size <= characters.length; start++) {
      found.push(characters.slice(start, start + size).join(""));
    }
  }
  return found;
}

/** Return what the occurrences of a name share (without a genitive -s); undefined for other words. */
function keyOf(word) {
  const form = plainForm(word);
  const characters = Array.from(form);
  if (!characters.length || !isUpper(characters[0])) return undefined;
  return characters.length > 3 && form.endsWith("s") ? form.slice(0, -1) : form;
}

/** Return each token's place {t, s} with the places of its nearest other occurrences in the document. */
export function otherOccurrences(sentences, most) {
  const tokens = sentences.flatMap((words, s) => words.map((word, t) => ({ t, s, key: keyOf(word) })));
  return tokens.map((token, n) => {
    if (token.key === undefined) return { ...token, others: [] };
    const distance = (i) => 2 * Math.abs(i - n) + (i > n); // of two as far, the one before counts as nearer
    const others = tokens
      .flatMap(({ key }, i) => (key === token.key && i !== n ? [i] : []))
      .sort((a, b) => distance(a) - distance(b))
      .slice(0, most)
      .map((i) => tokens[i]);
    return { ...token, others };
  });
}
