// Python's string methods. Where a browser knows a newer Unicode than Python, new letters may differ.

let PATTERNS = {}; // Python's regular expressions, translated when the page was made: {source, flags}
const COMPILED = new Map();
let DIGITS; // what str.isdigit is true of: more than \p{Nd}, such as ²

function usePatterns(patterns) {
  PATTERNS = patterns;
  COMPILED.clear();
  DIGITS = pattern("digit", "g");
}

/** Return a regular expression of Python's by its name; `flags`: g to find all, y to match at lastIndex. */
function pattern(name, flags = "") {
  const key = name + " " + flags;
  if (!COMPILED.has(key)) COMPILED.set(key, new RegExp(PATTERNS[name].source, PATTERNS[name].flags + flags));
  return COMPILED.get(key);
}

const isAlpha = (text) => /^\p{L}+$/u.test(text);
const isAlnum = (text) => /^[\p{L}\p{N}]+$/u.test(text);
const isUpper = (text) => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
const isLower = (text) => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
const isDigit = (text) => text !== "" && text.replace(DIGITS, "") === "";
const isAscii = (text) => /^[\x00-\x7f]*$/.test(text);

const SPACES = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACES}+`);
const ONE_SPACE = new RegExp(SPACES);
const isSpace = (text) => text !== "" && text.replace(LEADING, "") === "";
const strip = (text) => rstrip(text.replace(LEADING, ""));
/** Return the text without white space at its end: from behind, since a regular expression takes squares. */
function rstrip(text) {
  let end = text.length;
  while (end > 0 && ONE_SPACE.test(text[end - 1])) end--;
  return text.slice(0, end);
}
const firstOf = (text) => (text === "" ? "" : String.fromCodePoint(text.codePointAt(0)));
const lengthOf = (text) => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/** Replace halves of surrogate pairs, which Python's strings refuse. */
const wellFormed = (text) => text.replace(/\p{Surrogate}/gu, "\ufffd");

/**
 * Return the text with each character beyond U+FFFF replaced by one below of the same kind, so that the
 * index of a character is the one it has in Python. For what looks at kinds of characters only.
 */
function flat(text) {
  return text.replace(/[\u{10000}-\u{10ffff}]/gu, (character) => {
    if (/\p{Nd}/u.test(character)) return "\u0663";
    if (/\p{N}/u.test(character)) return isDigit(character) ? "\u2460" : "\u2153";
    if (/\p{L}/u.test(character)) return isUpper(character) ? "\u0531" : isLower(character) ? "\u0561" : "\u3042";
    return isUpper(character) ? "\u24b6" : "\u2603";
  });
}

/** Return where each code point begins in a text, and its length behind them; null where that is its index. */
function codePointPlaces(text) {
  if (!/[\ud800-\udbff]/.test(text)) return null;
  const places = [];
  let place = 0;
  for (const character of text) {
    places.push(place);
    place += character.length;
  }
  places.push(place);
  return places;
}
