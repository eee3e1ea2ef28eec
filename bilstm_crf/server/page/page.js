// The page: what is read, shown, chosen and corrected.

import { annotationOf, joined, relabelled, same, sentencesOf } from "./document.js";
import { dropped, opened, save, typed } from "./input.js";
import { convert, models, tag, useToken } from "./server.js";
import { View, hueOf, makeRoom, percent } from "./view.js";

const AT_ONCE = 500; // sentences that are shown, and added by "Show more"
const element = (id) => document.getElementById(id);

const state = {
  models: [],
  types: [], // of the first model
  off: new Set(), // types that are not marked
  files: [], // { name, kind, content, sentences, other }: `other` are the sentences of the second model
  current: 0,
  count: AT_ONCE,
  chosen: null, // { view, sentence, span } or, to add a name, { view, sentence, first, last }
  cursor: null, // the word that the keyboard is at: { sentence, at, from }
  past: [], // what undo restores: { file, sentence, corrected }
  unsaved: false, // whether there are corrections that were not downloaded
};
let views = [];
let running = null; // the AbortController of the files that are being tagged

const threshold = () => Number(element("threshold").value) / 100;
const file = () => state.files[state.current];

// ---------------------------------------------------------------- start

async function start() {
  try {
    state.models = await models();
  } catch (error) {
    if (error.status !== 401 || !element("token-form").hidden) tell(error);
    if (error.status === 401) {
      element("token-form").hidden = false;
      element("token").focus();
    }
    return;
  }
  element("token-form").hidden = true;
  for (const { name } of state.models) {
    element("model").add(new Option(name));
    element("other").add(new Option(name));
  }
  element("choose-model").hidden = element("choose-other").hidden = state.models.length < 2;
}

element("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(element("token").value);
  element("problem").textContent = "";
  start();
});

// ---------------------------------------------------------------- input

element("input").addEventListener("submit", (event) => {
  event.preventDefault();
  if (element("text").value.trim()) run([typed(element("text").value)]);
  else element("text").focus();
});

element("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element("input").requestSubmit();
});

for (const id of ["files", "folder"]) {
  element(id).addEventListener("change", (event) => {
    open([...event.target.files]);
    event.target.value = "";
  });
}

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const text = event.dataTransfer.getData("text/plain");
  const files = await dropped(event.dataTransfer);
  if (files.length) open(files);
  else if (text) run([typed(text)]);
});

for (const id of ["model", "other"]) {
  element(id).addEventListener("change", () => state.files.length && run(state.files));
}

async function open(chosen) {
  const path = (each) => each.webkitRelativePath || each.name;
  const given = chosen.sort((one, other) => (path(one) < path(other) ? -1 : 1)); // a folder comes in any order
  const read = await Promise.all(given.map(opened));
  const known = read.filter((each) => each);
  if (known.length) await run(known);
  if (known.length < read.length) {
    const others = given.filter((_, number) => !read[number]).map((each) => each.name);
    tell(new Error(`Not text or CoNLL-U: ${others.slice(0, 5).join(", ")}${others.length > 5 ? " …" : ""}`));
  }
}

/** Tag files and show them; those that are shown already keep their corrections. */
async function run(given) {
  const again = given === state.files;
  if (!again && state.unsaved && !confirm("Your corrections are not downloaded. Discard them?")) return;
  element("problem").textContent = "";
  if (!state.models.length) await start(); // it did not answer before, or wants its token
  if (!state.models.length) return;
  const name = element("model").value;
  const other = element("other").value === name ? "" : element("other").value;
  running?.abort(); // who opens other files does not wait for the first ones
  running = new AbortController();
  const { signal } = running;
  element("send").disabled = true;
  const files = [];
  try {
    for (const each of given) {
      say(`Tagging ${each.name || "the text"} …`);
      const text = each.kind === "text/plain" ? each.content.replace(/^\ufeff/, "") : null;
      const [first, second] = await Promise.all([name, other].map((model) => (model ? tag(each.body, each.kind, model, signal) : null)));
      files.push({
        ...each,
        sentences: sentencesOf(first, text),
        other: second === null ? null : sentencesOf(second, text),
      });
    }
  } catch (error) {
    if (signal.aborted) return;
    say("");
    const where = given.length > 1 ? `${given[files.length].name}: ` : "";
    tell(new Error(where + error.message));
    return;
  } finally {
    if (signal === running.signal) element("send").disabled = false;
  }
  if (signal.aborted) return;
  if (again) {
    const anew = (number, sentence) => files[number].sentences[sentence.number];
    state.files.forEach(({ sentences }, number) => {
      for (const each of sentences) anew(number, each).corrected = each.corrected;
    });
    state.past = state.past.map((each) => ({ ...each, sentence: anew(each.file, each.sentence) }));
  } else {
    state.past = [];
    state.unsaved = false;
  }
  state.files = files;
  state.types = state.models.find((each) => each.name === name).entity_types;
  state.names = other ? [name, other] : [name];
  element("file").replaceChildren(...files.map((each, number) => new Option(each.name || "the text", number)));
  element("choose-file").hidden = files.length < 2;
  element("results").hidden = element("side").hidden = false;
  if (again) element("file").value = state.current;
  showFile(again ? state.current : 0);
}

// ---------------------------------------------------------------- showing

function showFile(number) {
  state.current = number;
  state.count = AT_ONCE;
  choose(null);
  const settings = () => ({ threshold: threshold(), types: state.types, off: state.off });
  const versions = [file().sentences, file().other].filter((each) => each);
  views = versions.map((sentences, place) => {
    const others = versions[1 - place];
    const differs = (sentence, span) => Boolean(others) && !others[sentence.number].shown(threshold()).some((each) => same(each, span));
    return new View(textElement(place), settings, differs);
  });
  element("views").classList.toggle("two", views.length === 2);
  element("views").replaceChildren(
    ...views.map((view, place) => {
      const article = document.createElement("article");
      article.className = "view";
      if (views.length === 2) {
        const title = document.createElement("h2");
        title.textContent = state.names[place];
        article.append(title);
      }
      article.append(view.element);
      return article;
    }),
  );
  showSentences();
}

function textElement(place) {
  const text = document.createElement("div");
  text.className = "text";
  text.lang = "no";
  text.tabIndex = 0;
  text.dataset.view = place;
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", place ? `Text, ${state.names[1]}` : "Text; arrow keys select words");
  return text;
}

function showSentences() {
  views.forEach((view, place) => view.show(place ? file().other : file().sentences, state.count));
  element("more").hidden = file().sentences.length <= state.count;
  summarise();
}

function refresh(only = null) {
  views.forEach((view, place) => {
    if (!only) view.refresh();
    else view.refresh((place ? file().other : file().sentences)[only.number]);
  });
  summarise();
}

function summarise() {
  const counts = new Map();
  let corrected = 0;
  for (const { sentences } of state.files) {
    for (const sentence of sentences) {
      corrected += Boolean(sentence.corrected);
      for (const { type } of sentence.shown(threshold())) counts.set(type, (counts.get(type) || 0) + 1);
    }
  }
  const total = [...counts.values()].reduce((sum, each) => sum + each, 0);
  const parts = [`${total} ${total === 1 ? "name" : "names"}`];
  if (state.files.length > 1) parts.push(`in ${state.files.length} files`);
  if (corrected) parts.push(`${corrected} ${corrected === 1 ? "sentence" : "sentences"} corrected`);
  say(parts.join(", "));
  showLegend(counts);
  const percentage = element("threshold").value;
  const words = threshold() === 0.5 ? "As the model chose" : threshold() > 0.5 ? `Only names of ${percentage} % and more` : `Also missed names from ${percentage} %`;
  element("threshold-says").textContent = words;
  element("threshold").setAttribute("aria-valuetext", words);
}

function showLegend(counts) {
  const shown = state.types.filter((type) => counts.has(type) || state.off.has(type));
  for (const type of counts.keys()) if (!shown.includes(type)) shown.push(type);
  const focused = document.activeElement?.dataset?.type;
  element("legend").replaceChildren(
    ...shown.map((type) => {
      const item = document.createElement("li");
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: !state.off.has(type) });
      box.dataset.type = type;
      const key = document.createElement("span");
      key.className = `key hue-${hueOf(type, state.types)}`;
      key.textContent = type;
      const count = document.createElement("span");
      count.className = "count";
      count.textContent = counts.get(type) || 0;
      label.append(box, " ", key, " ", count);
      item.append(label);
      return item;
    }),
  );
  if (focused) element("legend").querySelector(`[data-type="${focused}"]`)?.focus();
}

element("legend").addEventListener("change", ({ target }) => {
  if (target.checked) state.off.delete(target.dataset.type);
  else state.off.add(target.dataset.type);
  refresh();
});
element("threshold").addEventListener("input", () => {
  choose(null);
  refresh();
});
element("file").addEventListener("change", ({ target }) => showFile(Number(target.value)));
element("more").addEventListener("click", () => {
  state.count += AT_ONCE;
  showSentences();
});

// ---------------------------------------------------------------- choosing a name or words

/** Show a name or selected words in the panel, where they can be corrected. */
function choose(chosen) {
  state.chosen = chosen;
  const adds = chosen && !chosen.span;
  const isOther = chosen && chosen.view === views[1];
  element("chosen").textContent = chosen ? described(chosen) : "Choose a name, or select words to add one.";
  element("type-buttons").hidden = !chosen || isOther;
  element("remove").hidden = !chosen || adds || isOther;
  element("take").hidden = !isOther;
  element("undo").hidden = !state.past.length;
  element("close").hidden = !chosen;
  element("panel").classList.toggle("open", Boolean(chosen));
  element("type-buttons").replaceChildren(
    ...state.types.map((type, number) => {
      const button = document.createElement("button");
      button.className = `hue-${hueOf(type, state.types)}`;
      button.textContent = number < 9 ? `${number + 1} ${type}` : type;
      button.setAttribute("aria-pressed", String(Boolean(chosen?.span) && chosen.span.type === type));
      button.addEventListener("click", () => setType(type));
      return button;
    }),
  );
  showChoices(isOther ? null : chosen?.sentence);
}

function textOf({ sentence, span, first, last }) {
  return span ? sentence.text.slice(span.start, span.end) : sentence.text.slice(sentence.tokens[first].start, sentence.tokens[last].end);
}

function described(chosen) {
  const text = textOf(chosen);
  if (!chosen.span) return `Add “${text}” as:`;
  const sure = chosen.span.score === null ? "corrected" : percent(chosen.span.score);
  return `${text}: ${chosen.span.type}, ${sure}`;
}

/** Show the other ways to label the sentence. */
function showChoices(sentence) {
  const shown = sentence ? sentence.shown(threshold()) : [];
  const equal = (spans) => spans.length === shown.length && spans.every((span, place) => same(span, shown[place]));
  const others = sentence ? sentence.alternatives.filter((each) => !equal(each.spans)) : [];
  element("choices").hidden = !others.length;
  element("choice-list").replaceChildren(
    ...others.map((each) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const names = each.spans.map((span) => `${sentence.text.slice(span.start, span.end)} ${span.type}`);
      button.textContent = `${percent(each.probability)}: ${names.join(", ") || "no names"}`;
      button.addEventListener("click", () => {
        correct(sentence, each.spans.map((span) => ({ ...span, score: null })));
        choose(null);
        element("panel").focus();
        say(`Taken: ${button.textContent}`);
      });
      item.append(button);
      return item;
    }),
  );
}

function viewOf(node) {
  const text = node.closest?.(".text");
  return text ? views[Number(text.dataset.view)] : null;
}

element("views").addEventListener("focusin", ({ target }) => {
  if (target.matches("mark")) {
    const view = viewOf(target);
    makeRoom(target);
    choose({ view, ...view.spanOf(target) });
    target.scrollIntoView({ block: "nearest" }); // the panel may lie over it now
  }
});
element("views").addEventListener("mouseover", ({ target }) => target.matches("mark") && makeRoom(target));
element("views").addEventListener("click", ({ target }) => target.matches("mark") && target.focus());

function chooseSelected() {
  const selected = views[0]?.selected();
  if (selected) choose({ view: views[0], ...selected });
}

document.addEventListener("selectionchange", chooseSelected);

// ---------------------------------------------------------------- correcting

/** Give the sentence these names, and remember what it had. */
function correct(sentence, spans) {
  state.past.push({ file: state.current, sentence, corrected: sentence.corrected });
  sentence.corrected = [...spans].sort((one, other) => one.start - other.start);
  state.unsaved = true;
  document.getSelection().removeAllRanges();
  refresh(sentence);
}

/** Correct, then go on where the person was: at the name, or in the text. */
function correctAndReturn(sentence, spans, start, message) {
  const away = element("panel").contains(document.activeElement);
  correct(sentence, spans);
  const mark = views[0].markOf(sentence, { start });
  if (mark && !away) mark.focus();
  else if (mark) {
    choose({ view: views[0], ...views[0].spanOf(mark) });
    element("type-buttons").querySelector('[aria-pressed="true"]')?.focus(); // the pressed one was made anew
  } else choose(null);
  if (!mark) (away ? element("panel") : views[0].element).focus();
  say(message);
}

function setType(type) {
  const { sentence, span, first, last } = state.chosen;
  const made = span || { start: sentence.tokens[first].start, end: sentence.tokens[last].end };
  const others = sentence.shown(threshold()).filter((each) => each.end <= made.start || each.start >= made.end);
  const name = { start: made.start, end: made.end, type, score: null };
  correctAndReturn(sentence, [...others, name], made.start, `${sentence.text.slice(made.start, made.end)} is ${type} now`);
}

function remove() {
  const { sentence, span } = state.chosen;
  const others = sentence.shown(threshold()).filter((each) => each !== span);
  correctAndReturn(sentence, others, span.start, `${sentence.text.slice(span.start, span.end)} is removed`);
}

function undo() {
  const last = state.past.pop();
  if (!last) return;
  last.sentence.corrected = last.corrected;
  state.unsaved = state.past.length > 0;
  if (last.file !== state.current) {
    element("file").value = last.file;
    showFile(last.file);
  } else refresh(last.sentence);
  choose(null);
  say("Undone");
}

/** Take a name of the second model over into the first text. */
function take() {
  const { sentence, span } = state.chosen;
  const mine = file().sentences[sentence.number];
  const others = mine.shown(threshold()).filter((each) => each.end <= span.start || each.start >= span.end);
  correct(mine, [...others, { ...span, score: null, added: false }]);
  choose(null);
  say(`${sentence.text.slice(span.start, span.end)} is taken over`);
}

element("remove").addEventListener("click", remove);
element("undo").addEventListener("click", undo);
element("take").addEventListener("click", take);
element("close").addEventListener("click", () => {
  const { view } = state.chosen;
  choose(null);
  view.element.focus({ preventScroll: true });
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.matches("textarea, input")) {
    event.preventDefault();
    undo();
  }
});

element("panel").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.chosen?.span) state.chosen.view.markOf(state.chosen.sentence, state.chosen.span)?.focus();
  else if (event.key === "Escape") views[0]?.element.focus();
});

element("views").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { key, target } = event;
  const type = state.types[Number(key) - 1];
  const mine = state.chosen && state.chosen.view === views[0];
  if (mine && type) setType(type);
  else if (mine && state.chosen.span && (key === "Delete" || key === "Backspace")) remove();
  else if (key === "Enter" && state.chosen) element("panel").focus();
  else if (target.matches(".text") && viewOf(target) === views[0] && ["ArrowLeft", "ArrowRight"].includes(key)) {
    moveCursor(key === "ArrowRight" ? 1 : -1, event.shiftKey);
  } else return;
  event.preventDefault();
});

/** Select the next word of the text, or with Shift one more. */
function moveCursor(step, extend) {
  const sentences = views[0].sentences;
  const selected = views[0].selected();
  let { sentence, at, from } = state.cursor && selected?.sentence === state.cursor.sentence ? state.cursor : {};
  if (!sentence) {
    sentence = selected ? selected.sentence : sentences[0];
    at = from = selected ? selected.first : -1;
  }
  if (!sentence) return;
  if (extend && at >= 0) at = Math.min(Math.max(at + step, 0), sentence.tokens.length - 1);
  else {
    at += step;
    while (sentence && (at < 0 || at >= sentence.tokens.length)) {
      sentence = sentences[sentence.number + step];
      at = step > 0 || !sentence ? 0 : sentence.tokens.length - 1;
    }
    if (!sentence) return;
    from = at;
  }
  state.cursor = { sentence, at, from };
  views[0].select(sentence, Math.min(at, from), Math.max(at, from));
  chooseSelected(); // the event comes later, perhaps after the next key
  say(textOf({ sentence, first: Math.min(at, from), last: Math.max(at, from) }));
}

// ---------------------------------------------------------------- saving

for (const button of document.querySelectorAll("[data-save]")) {
  button.addEventListener("click", async () => {
    const to = button.dataset.save;
    try {
      const annotation = () => state.files.map((each) => annotationOf(each, threshold(), to === "jsonl"));
      const blob = to === "conllu" ? await conllu() : await convert(annotation(), to);
      const stem = state.files.length === 1 ? state.files[0].name.split("/").pop().replace(/\.[^.]*$/, "") : "";
      save(blob, `${stem || "names"}.${to}`);
      state.unsaved = false;
      say(`${stem || "names"}.${to} is saved`);
    } catch (error) {
      tell(error);
    }
  });
}

/** Return CoNLL-U; a file that was CoNLL-U keeps everything but its labels. */
async function conllu() {
  const parts = state.files.map(async (each) => {
    if (each.kind === "text/x-conllu") return relabelled(each.content, each.sentences, threshold());
    return (await convert([annotationOf(each, threshold(), true)], "conllu")).text();
  });
  return new Blob([joined(await Promise.all(parts))], { type: "text/x-conllu" });
}

window.addEventListener("beforeunload", (event) => {
  if (state.unsaved) event.preventDefault();
});

// ---------------------------------------------------------------- messages

function say(message) {
  element("status").textContent = message;
}

function tell(error) {
  element("problem").textContent = error.message;
}

start();
