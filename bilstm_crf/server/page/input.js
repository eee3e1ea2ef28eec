// Files that a person opens or drops.

const KINDS = { txt: "text/plain", text: "text/plain", md: "text/plain", conllu: "text/x-conllu" };

/** Return the file as the page has it; null for other kinds of files. */
export async function opened(file) {
  const kind = KINDS[file.name.split(".").pop().toLowerCase()];
  if (!kind) return null;
  const bytes = await file.arrayBuffer();
  return { name: file.webkitRelativePath || file.name, kind, body: bytes, content: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) };
}

export function typed(text) {
  const content = text.toWellFormed ? text.toWellFormed() : text;
  return { name: "", kind: "text/plain", body: content, content };
}

/** Return the files that were dropped, also those in folders. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter((each) => each);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) break;
    found.push(...some);
  }
  found.sort((one, other) => (one.name < other.name ? -1 : 1));
  return (await Promise.all(found.map(filesOf))).flat();
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
