// The worker's end: a model comes first, then requests, each of which is answered with its `id`.

let tagger;

const REQUESTS = {
  async load({ about, base64 }) {
    const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
    tagger = new Tagger(about, await new Response(stream).arrayBuffer());
    return { vectorInstructions: tagger.network.kernel.compiled !== null };
  },
  text: ({ text }, progress) => tagger.tagText(text, progress),
  split: ({ text }) => splitText(wellFormed(text)),
  tokens: ({ sentences }) => tagger.tagDocument(sentences.map((tokens) => ({ tokens }))),
  emissions: ({ sentences }) => tagger.emissions(sentences.map((tokens) => tagger.vocabulary.asRead(tokens))),
};

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

if (typeof self !== "undefined") {
  self.onmessage = async ({ data: { id, request, ...given } }) => {
    const progress = (done, all) => self.postMessage({ id, progress: done / all });
    try {
      const started = performance.now();
      const answer = await REQUESTS[request](given, progress);
      self.postMessage({ id, answer, seconds: (performance.now() - started) / 1000 });
    } catch (error) {
      self.postMessage({ id, error: String(error?.message ?? error) });
    }
  };
}
