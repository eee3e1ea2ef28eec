// The page's end: the form, the result, downloads. The worker does the work.
"use strict";

const byId = (id) => document.getElementById(id);
const about = JSON.parse(byId("about").textContent);
const typeNumbers = new Map(about.types.map(({ name, number }) => [name, number]));
const percent = (score, digits) => `${(100 * score).toFixed(digits)}%`;
const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const EXAMPLE =
  "Kari Nordmann flytta frå Voss til Bergen i 2019. Der arbeider ho for Equinor, og broren Ola studerer ved " +
  "Universitetet i Oslo.\n\nStortinget behandler saken på tirsdag, sier Nordmann til NRK.";

// ---------------------------------------------------------------- the worker

const worker = new Worker(URL.createObjectURL(new Blob([byId("engine").textContent], { type: "text/javascript" })));
const pending = new Map();
let lastId = 0;

worker.onmessage = ({ data: { id, answer, seconds, error, progress } }) => {
  const { resolve, reject, onProgress } = pending.get(id);
  if (progress !== undefined) {
    onProgress?.(progress);
    return;
  }
  pending.delete(id);
  if (error === undefined) resolve({ answer, seconds });
  else reject(new Error(error));
};

/** Send a request to the worker; return {answer, seconds}. */
function ask(request, given, onProgress) {
  lastId++;
  return new Promise((resolve, reject) => {
    pending.set(lastId, { resolve, reject, onProgress });
    worker.postMessage({ id: lastId, request, ...given });
  });
}

const ready = ask("load", { about, base64: byId("model").textContent.trim() }).then(({ answer, seconds }) => {
  byId("model").remove();
  byId("tag").disabled = false;
  say(`Ready (${seconds.toFixed(1)} s).`);
  return answer;
});
ready.catch((error) => say(`The model cannot be loaded: ${error.message}`));

/** For other scripts, and the console: `await bilstmCrf.tag("Kari bor i Oslo.")`. */
window.bilstmCrf = {
  ready,
  ask: async (request, given) => (await ready, ask(request, given)),
  tag: async (text) => (await bilstmCrf.ask("text", { text })).answer,
  tagTokens: async (sentences) => (await bilstmCrf.ask("tokens", { sentences })).answer,
};

// ---------------------------------------------------------------- tagging

let documents = []; // {file, text, names, tokens, sentences}
let tagging = false;

function say(text) {
  byId("status").textContent = text;
}

/** Tag documents {file, text}, one after another, and show them. */
async function tagDocuments(given) {
  if (tagging) return;
  tagging = true;
  byId("tag").disabled = true;
  byId("progress").hidden = false;
  try {
    await ready;
    const found = [];
    let total = 0;
    for (const { file, text } of given) {
      say(`Finding names${file ? ` in ${file}` : ""} …`);
      const { answer, seconds } = await ask("text", { text }, (done) => {
        byId("progress").value = (found.length + done) / given.length;
      });
      total += seconds;
      found.push({ file, text, ...answer });
    }
    documents = found;
    show();
    const [names, tokens] = ["names", "tokens"].map((each) => found.reduce((sum, one) => sum + (one[each].length ?? one[each]), 0));
    say(`${counted(names, "name")} in ${counted(tokens, "token")}, ${total.toFixed(1)} s.`);
  } catch (error) {
    say(`Failed: ${error.message}`);
  } finally {
    tagging = false;
    byId("tag").disabled = false;
    byId("progress").hidden = true;
    byId("progress").removeAttribute("value");
  }
}

/** Return a file's text: UTF-8, or else Windows' Western European encoding. */
async function textOf(file) {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

async function tagFiles(files) {
  const given = await Promise.all([...files].map(async (file) => ({ file: file.name, text: await textOf(file) })));
  if (!given.length) return;
  if (given.length === 1) byId("text").value = given[0].text;
  await tagDocuments(given);
}

// ---------------------------------------------------------------- the result

const MAX_PARAGRAPH = 10000; // characters after which a paragraph ends at any line end

function show() {
  const counts = new Map(about.types.map(({ name }) => [name, 0]));
  const result = document.createDocumentFragment();
  for (const { file, text, names } of documents) {
    const section = document.createElement("section");
    if (documents.length > 1) section.append(element("h2", file));
    section.append(...paragraphs(text, names));
    result.append(section);
    for (const { type } of names) counts.set(type, counts.get(type) + 1);
  }
  byId("result").replaceChildren(result);
  byId("aside").hidden = false;
  byId("selected").textContent = "";
  for (const [name, count] of counts) byId(`count-${typeNumbers.get(name)}`).textContent = count.toLocaleString("en");
  const first = byId("result").querySelector("mark");
  if (first) first.tabIndex = 0;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** Return the paragraphs of a text with its names marked. */
function paragraphs(text, names) {
  const found = [];
  let paragraph = document.createElement("p");
  let begin = 0; // of the paragraph
  const add = (start, end) => {
    const breaks = /\n[^\S\n]*\n\s*|\n/g; // between names only, so that none is cut
    breaks.lastIndex = start;
    for (let match; (match = breaks.exec(text)) && breaks.lastIndex <= end; ) {
      if (match[0].length === 1 && match.index - begin < MAX_PARAGRAPH) continue;
      paragraph.append(text.slice(start, match.index));
      if (paragraph.hasChildNodes()) found.push(paragraph);
      paragraph = document.createElement("p");
      start = begin = breaks.lastIndex;
    }
    if (start < end) paragraph.append(text.slice(start, end));
  };
  let reached = 0;
  for (const name of names) {
    add(reached, name.from);
    paragraph.append(marked(text.slice(name.from, name.to), name));
    reached = name.to;
  }
  add(reached, text.length);
  if (paragraph.hasChildNodes()) found.push(paragraph);
  return found;
}

function marked(text, { type, score }) {
  const mark = element("mark", text);
  mark.className = `t${typeNumbers.get(type)}`;
  mark.dataset.label = score < about.sure ? `${type} ${percent(score, 0)}` : type;
  mark.title = `${type}, ${percent(score, 1)}`;
  mark.style.setProperty("--score", score.toFixed(2));
  mark.tabIndex = -1;
  return mark;
}

function select(mark) {
  for (const other of byId("result").querySelectorAll('mark[tabindex="0"]')) other.tabIndex = -1;
  mark.tabIndex = 0;
  byId("selected").textContent = `${mark.textContent}: ${mark.title}`;
}

byId("result").addEventListener("focusin", ({ target }) => target.matches("mark") && select(target));
byId("result").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !event.target.matches("mark")) return;
  const marks = [...byId("result").querySelectorAll("mark")];
  marks[marks.indexOf(event.target) + step]?.focus();
  event.preventDefault();
});

// ---------------------------------------------------------------- downloads

const COLUMNS = ["file", "offset", "end", "type", "text", "score"];

function rows() {
  return documents.flatMap(({ file, text, names }) => names.map(({ start, end, from, to, type, score }) => [
    file ?? "", start, end, type, text.slice(from, to).replace(/\s*[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]\s*/g, " "), score,
  ]));
}

/** Return JSON as Document.to_dict() has it; of several files, a list. Offsets count code points. */
function asJson() {
  const found = documents.map(({ file, text, names }) => ({
    ...(file ? { file } : {}),
    text,
    entities: names.map(({ start, end, from, to, type, score }) => (
      { text: text.slice(from, to), label: type, score, start, end }
    )),
  }));
  return JSON.stringify(found.length === 1 ? found[0] : found, null, 2) + "\n";
}

/** Return CSV for spreadsheets; what one would run as a formula gets an apostrophe in front. */
function asCsv() {
  const cell = (value) => {
    const text = typeof value === "string" && /^'*[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return "\ufeff" + [COLUMNS, ...rows()].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function download(content, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** Copy text; where a browser forbids it for files, by selecting it. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = element("textarea", text);
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  say("Copied.");
}

byId("copy").addEventListener("click", () => copy([COLUMNS, ...rows()].map((row) => row.join("\t")).join("\n") + "\n"));
byId("json").addEventListener("click", () => download(asJson(), "application/json", "names.json"));
byId("csv").addEventListener("click", () => download(asCsv(), "text/csv", "names.csv"));

// ---------------------------------------------------------------- the form

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  tagDocuments([{ file: null, text: byId("text").value }]);
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("form").requestSubmit();
});
byId("example").addEventListener("click", () => {
  byId("text").value = EXAMPLE;
  byId("form").requestSubmit();
});
byId("files").addEventListener("change", async ({ target }) => {
  await tagFiles(target.files);
  target.value = ""; // the same file can be chosen again
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, () => document.body.classList.remove("dragging"));
}
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) tagFiles(event.dataTransfer.files);
  else byId("text").value = event.dataTransfer.getData("text/plain");
});
