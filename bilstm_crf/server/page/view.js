// The text of a file with its names, as one model found them.

// As output/page.py has them; other types take the last two in turn.
export const HUES = { PER: 1, ORG: 2, LOC: 3, GPE_LOC: 4, GPE_ORG: 5, PROD: 6, EVT: 7, DRV: 8 };
const SURE = 0.9; // from here on a name is shown without its score

export function hueOf(type, types) {
  return HUES[type] || 9 + (Math.max(types.indexOf(type), 0) % 2);
}

export function percent(score) {
  return `${(100 * score).toFixed(1)} %`;
}

export class View {
  /** `settings`: () => { threshold, types, off }. `differs`: (sentence, span) => whether the other model lacks it. */
  constructor(element, settings, differs) {
    this.element = element;
    this.settings = settings;
    this.differs = differs;
    this.sentences = [];
  }

  /** Show the first `count` sentences. */
  show(sentences, count) {
    this.sentences = sentences.slice(0, count);
    const parts = document.createDocumentFragment();
    for (const sentence of this.sentences) {
      parts.append(sentence.before, this.rendered(sentence), sentence.after);
    }
    this.element.replaceChildren(parts);
  }

  /** Show all sentences, or one of them, once more. */
  refresh(only = null) {
    for (const sentence of only ? [only] : this.sentences) {
      const old = this.elementOf(sentence);
      if (old) old.replaceWith(this.rendered(sentence));
    }
  }

  elementOf(sentence) {
    return this.element.querySelector(`[data-sentence="${sentence.number}"]`);
  }

  markOf(sentence, span) {
    const element = this.elementOf(sentence);
    return element && element.querySelector(`mark[data-start="${span.start}"]`);
  }

  rendered(sentence) {
    const element = document.createElement("span");
    element.className = sentence.corrected ? "sentence edited" : "sentence";
    element.dataset.sentence = sentence.number;
    let reached = 0;
    for (const span of sentence.shown(this.settings().threshold)) {
      element.append(sentence.text.slice(reached, span.start), this.mark(sentence, span));
      reached = span.end;
    }
    element.append(sentence.text.slice(reached));
    return element;
  }

  mark(sentence, span) {
    const { types, off } = this.settings();
    const mark = document.createElement("mark");
    const text = sentence.text.slice(span.start, span.end);
    const sure = span.score === null ? "corrected" : percent(span.score);
    const extra = [span.added ? "added" : "", this.differs(sentence, span) ? "only this model" : ""].filter((each) => each);
    mark.className = `hue-${hueOf(span.type, types)}`;
    mark.classList.toggle("off", off.has(span.type));
    mark.classList.toggle("added", Boolean(span.added));
    mark.classList.toggle("differs", extra.includes("only this model"));
    mark.dataset.start = span.start;
    mark.dataset.label = span.score !== null && span.score < SURE ? `${span.type} ${Math.round(100 * span.score)}%` : span.type;
    mark.dataset.says = [`${span.type}, ${sure}`, ...extra].join(", ");
    mark.style.setProperty("--score", span.score === null ? 1 : span.score);
    mark.tabIndex = 0;
    mark.setAttribute("role", "button");
    mark.setAttribute("aria-label", [text, span.type, sure, ...extra].join(", "));
    mark.textContent = text;
    return mark;
  }

  /** Return the sentence and the span of a mark. */
  spanOf(mark) {
    const number = Number(mark.closest("[data-sentence]").dataset.sentence);
    const sentence = this.sentences[number];
    const start = Number(mark.dataset.start);
    return { sentence, span: sentence.shown(this.settings().threshold).find((each) => each.start === start) };
  }

  /** Return the sentence and the tokens that are selected in this view; null if none or several sentences are. */
  selected() {
    const selection = document.getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    const element = elementAround(range.startContainer);
    if (!element || !this.element.contains(element)) return null;
    const before = document.createRange();
    before.setStart(element, 0);
    before.setEnd(range.startContainer, range.startOffset);
    const start = before.toString().length;
    const inside = range.cloneRange();
    if (elementAround(range.endContainer) !== element) inside.setEnd(element, element.childNodes.length);
    const sentence = this.sentences[Number(element.dataset.sentence)];
    const tokens = sentence.tokensIn(start, start + inside.toString().length);
    return tokens && { sentence, ...tokens };
  }

  /** Select tokens of a sentence, as a person does with the mouse. */
  select(sentence, first, last) {
    const element = this.elementOf(sentence);
    const range = document.createRange();
    range.setStart(...placeIn(element, sentence.tokens[first].start));
    range.setEnd(...placeIn(element, sentence.tokens[last].end));
    const selection = document.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    element.scrollIntoView({ block: "nearest" });
  }
}

/** Move what a mark says to the left, as far as it would reach over the edge of the page. */
export function makeRoom(mark) {
  const width = 24 + 7 * mark.dataset.says.length; // in its small letters
  const beyond = mark.getClientRects()[0].left + width - document.documentElement.clientWidth;
  mark.style.setProperty("--shift", `${-Math.max(beyond, 0)}px`);
}

function elementAround(node) {
  const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
  return element && element.closest("[data-sentence]");
}

/** Return the text node and the place in it of an offset in an element. */
function placeIn(element, offset) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  while (node.data.length < offset) {
    offset -= node.data.length;
    node = walker.nextNode();
  }
  return [node, offset];
}
