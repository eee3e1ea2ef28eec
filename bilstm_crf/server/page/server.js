// What the page asks the server. Addresses are relative, so that the server may stand behind another one.

let token = null;

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function useToken(given) {
  token = given;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch {
    throw new Refused(0, "The server does not answer.");
  }
  if (answer.ok) return answer;
  let message = `The server refused: ${answer.status}.`;
  try {
    const { error } = await answer.json();
    message = [(error.line ? `Line ${error.line}: ` : "") + error.message, error.hint].filter((each) => each).join("\n");
  } catch {
    // no JSON: the status has to do
  }
  throw new Refused(answer.status, message);
}

export async function models() {
  return (await (await ask("v1/models")).json()).models;
}

/** Return the tagged sentences of a file as JSONL. */
export async function tag(content, kind, model, signal) {
  const options = new URLSearchParams({ model, to: "jsonl", scores: "true", recall: "0.05", nbest: "4" });
  const answer = await ask(`v1/tag?${options}`, { method: "POST", headers: { "Content-Type": kind }, body: content, signal });
  try {
    return await answer.text();
  } catch {
    throw new Refused(0, "The file is ill-formed near its end, or the connection broke.");
  }
}

/** Return annotation in another format, as a Blob. */
export async function convert(files, to) {
  const body = JSON.stringify({ files });
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  return (await ask(`v1/convert?to=${to}`, options)).blob();
}
