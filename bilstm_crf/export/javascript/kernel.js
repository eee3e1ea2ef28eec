// Matrix products: the one loop in which the time goes, as a WebAssembly function with vector instructions
// (assembled below, byte by byte), and the same in JavaScript where a browser has none.

const ROWS = 4; // rows of the left matrix at a time
const PANEL = 8; // columns of the right matrix at a time

const padded = (size, unit) => Math.ceil(size / unit) * unit;

/** Memory for matrices, as one Float32Array, and their product. Places are indexes of it. */
class Kernel {
  constructor({ webAssembly = true } = {}) {
    this.used = 0;
    this.compiled = null;
    this.heap = new Float32Array(0);
    if (!webAssembly) return;
    try {
      this.memory = new WebAssembly.Memory({ initial: 1 });
      const module = new WebAssembly.Module(assembledProduct());
      this.compiled = new WebAssembly.Instance(module, { js: { memory: this.memory } }).exports.product;
    } catch {
      this.compiled = null; // no vector instructions, or forbidden
    }
  }

  /** Return the place of so many numbers, zero at first. Other arrays of `heap` are no longer valid then. */
  allocate(size) {
    const place = this.used;
    this.used += padded(size, PANEL);
    if (this.compiled) {
      const missing = this.used * 4 - this.memory.buffer.byteLength;
      if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
      this.heap = new Float32Array(this.memory.buffer);
    } else if (this.used > this.heap.length) {
      const before = this.heap;
      this.heap = new Float32Array(Math.max(this.used, 2 * before.length));
      this.heap.set(before);
    }
    return place;
  }

  /** Return the place of a right matrix, given by rows (inner, width): panels of columns, each by rows. */
  store(matrix, inner, width) {
    const panels = Math.ceil(width / PANEL);
    const place = this.allocate(panels * inner * PANEL);
    for (let k = 0; k < inner; k++) {
      for (let j = 0; j < width; j++) {
        this.heap[place + (Math.floor(j / PANEL) * inner + k) * PANEL + (j % PANEL)] = matrix[k * width + j];
      }
    }
    return place;
  }

  /** Add left (rows, inner) @ right (inner, 8 panels) to out (rows, 8 panels); rows count in fours. */
  product(left, right, out, rows, inner, panels) {
    if (this.compiled) this.compiled(4 * left, 4 * right, 4 * out, rows, inner, panels);
    else addProduct(this.heap, left, right, out, padded(rows, ROWS), inner, panels);
  }
}

/** The same as `assembledProduct`, in JavaScript. */
function addProduct(heap, left, right, out, rows, inner, panels) {
  const width = panels * PANEL;
  for (let row = 0; row < rows; row += ROWS) {
    const a0 = left + row * inner;
    const [a1, a2, a3] = [a0 + inner, a0 + 2 * inner, a0 + 3 * inner];
    for (let j = 0; j < width; j++) {
      let b = right + Math.floor(j / PANEL) * inner * PANEL + (j % PANEL);
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let k = 0; k < inner; k++, b += PANEL) {
        const value = heap[b];
        s0 += heap[a0 + k] * value;
        s1 += heap[a1 + k] * value;
        s2 += heap[a2 + k] * value;
        s3 += heap[a3 + k] * value;
      }
      const place = out + row * width + j;
      heap[place] += s0;
      heap[place + width] += s1;
      heap[place + 2 * width] += s2;
      heap[place + 3 * width] += s3;
    }
  }
}

/**
 * Assemble product(left, right, out, rows, inner, panels), whose first three are addresses in bytes:
 *
 *   for four rows at a time
 *     for each panel of eight columns: eight vectors of four sums
 *       for each k: two vectors of the right matrix times a number of each row
 */
function assembledProduct() {
  const [LEFT, RIGHT, OUT, ROWS_LEFT, INNER, PANELS] = [0, 1, 2, 3, 4, 5];
  const [LEFT_STEP, OUT_STEP, B, P, K, O] = [6, 7, 8, 9, 10, 11]; // bytes of a row; what the loops are at
  const A = [12, 13, 14, 15]; // where each of the four rows is
  const [FIRST, SECOND] = [16, 17]; // vectors of the right matrix
  const SUMS = [18, 19, 20, 21, 22, 23, 24, 25]; // two for each row
  const [I32, V128, VOID] = [0x7f, 0x7b, 0x40];

  const unsigned = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >> 7)]);
  const get = (local) => [0x20, local];
  const set = (local) => [0x21, local];
  const constant = (value) => [0x41, value & 127]; // from -64 to 63
  const [add, multiply] = [[0x6a], [0x6c]];
  const increase = (local, ...by) => [...get(local), ...by.flat(), ...add, ...set(local)];
  const load = (offset) => [0xfd, 0x00, 4, offset];
  const splat = [0xfd, 0x09, 2, 0];
  const store = (offset) => [0xfd, 0x0b, 4, offset];
  const [addVectors, multiplyVectors] = [[0xfd, ...unsigned(228)], [0xfd, ...unsigned(230)]];
  // Repeat the body as long as the counter, lowered at its end, is above 0
  const repeat = (counter, step, ...body) => [
    ...[0x03, VOID], ...body.flat(Infinity), ...increase(counter, constant(-step)),
    ...get(counter), ...constant(0), 0x4a, 0x0d, 0, 0x0b,
  ];
  const sumPlaces = (each) => [0, 1, 2, 3].flatMap((row) => [
    ...(row ? increase(O, get(OUT_STEP)) : []), ...each(2 * row, 0), ...each(2 * row + 1, 16),
  ]);

  const body = [
    get(INNER), constant(4), multiply, set(LEFT_STEP), get(PANELS), constant(32), multiply, set(OUT_STEP),
    repeat(ROWS_LEFT, ROWS,
      get(RIGHT), set(B), get(PANELS), set(P),
      repeat(P, 1,
        get(LEFT), set(A[0]),
        [1, 2, 3].map((row) => [...get(A[row - 1]), ...get(LEFT_STEP), ...add, ...set(A[row])]),
        get(OUT), set(O),
        sumPlaces((sum, offset) => [...get(O), ...load(offset), ...set(SUMS[sum])]),
        get(INNER), set(K),
        repeat(K, 1,
          get(B), load(0), set(FIRST), get(B), load(16), set(SECOND), increase(B, constant(32)),
          [0, 1, 2, 3].map((row) => [FIRST, SECOND].map((vector, half) => [
            ...get(SUMS[2 * row + half]), ...get(A[row]), ...splat, ...get(vector), ...multiplyVectors,
            ...addVectors, ...set(SUMS[2 * row + half]),
          ])),
          A.map((row) => increase(row, constant(4))),
        ),
        get(OUT), set(O),
        sumPlaces((sum, offset) => [...get(O), ...get(SUMS[sum]), ...store(offset)]),
        increase(OUT, constant(32)),
      ),
      increase(LEFT, get(LEFT_STEP), constant(4), multiply),
      increase(OUT, get(OUT_STEP), constant(3), multiply), // the panels have gone along the first row
    ),
  ].flat(Infinity);

  const text = (name) => [name.length, ...new TextEncoder().encode(name)];
  const section = (id, ...content) => [id, ...unsigned(content.flat().length), ...content.flat()];
  const locals = [2, 10, I32, 10, V128]; // B to A[3] and the row lengths; the vectors
  const code = [...locals, ...body, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 6, I32, I32, I32, I32, I32, I32, 0]),
    ...section(2, [1], text("js"), text("memory"), [2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1], text("product"), [0, 0]),
    ...section(10, [1], unsigned(code.length), code),
  ]);
}
