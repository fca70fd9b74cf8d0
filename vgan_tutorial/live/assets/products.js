// Sums of products: what linear layers and convolutions are made of.
// A classic script without dependencies; `kernel-bytes.js` stands before it.
//
//   pack(outputs, length, bias, at)   weights in the order in which they are read
//   multiply(job)                     all sums of a job, by the kernel or plainly
//
// A job has an `input`, and `places` where its windows begin. A window is what one output reads:
// `runs` runs of `run` numbers, `stride` numbers from the beginning of one to that of the next.
// The answer has a row for every window, of as many numbers as there are outputs in whole eights;
// it stands until the next one.
(function () {
  "use strict";

  const STEP = 4;  // numbers of a run that are read together: a run is of whole fours
  const BLOCK = 8;  // outputs that are computed together
  const GROUP = 4;  // windows that are computed together
  const PAGE = 65536;  // bytes by which WebAssembly's memory grows

  const roundUp = (count, unit) => unit * Math.ceil(count / unit);

  // Blocks of eight outputs: eight biases, then eight weights for every number of a window.
  function pack(outputs, length, bias, at) {
    const packed = new Float32Array(roundUp(outputs, BLOCK) * (length + 1));
    for (let o = 0; o < outputs; o++) {
      let place = (o - o % BLOCK) * (length + 1) + o % BLOCK;
      packed[place] = bias ? bias[o] : 0;
      for (let i = 0; i < length; i++) packed[place += BLOCK] = at(o, i);
    }
    return packed;
  }

  // Two windows and four outputs at a time, which is half a block.
  function plain({input, places, weights, blocks, runs, run, stride}) {
    const row = BLOCK * blocks, output = new Float32Array(places.length * row);
    const block = BLOCK * (runs * run + 1);
    for (let half = 0; half < 2 * blocks; half++) {
      const begin = (half >> 1) * block + 4 * (half & 1);
      for (let n = 0; n < places.length; n += 2) {
        let w = begin;
        let a0 = weights[w], a1 = weights[w + 1], a2 = weights[w + 2], a3 = weights[w + 3];
        let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
        w += BLOCK;
        for (let r = 0; r < runs; r++) {
          const first = places[n] + r * stride, second = places[n + 1] + r * stride;
          for (let i = 0; i < run; i++, w += BLOCK) {
            const x = input[first + i], y = input[second + i];
            const w0 = weights[w], w1 = weights[w + 1], w2 = weights[w + 2], w3 = weights[w + 3];
            a0 += x * w0; a1 += x * w1; a2 += x * w2; a3 += x * w3;
            b0 += y * w0; b1 += y * w1; b2 += y * w2; b3 += y * w3;
          }
        }
        let out = n * row + 4 * half;
        output[out] = a0; output[out + 1] = a1; output[out + 2] = a2; output[out + 3] = a3;
        out += row;
        output[out] = b0; output[out + 1] = b1; output[out + 2] = b2; output[out + 3] = b3;
      }
    }
    return output;
  }

  // The compiled kernel, or null where there is no WebAssembly, or none with vectors.
  function started() {
    try {
      const bytes = Uint8Array.from(atob(globalThis.vganKernel), text => text.charCodeAt(0));
      return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    } catch {
      return null;
    }
  }

  const kernel = started();

  // Everything goes into the kernel's memory, one after the other, and the sums come out again.
  function fast({input, places, weights, blocks, runs, run, stride}) {
    const numbers = places.length * BLOCK * blocks;
    let end = 0;
    const [at, table, weight, output] = [input, places, weights, {length: numbers}].map(part => {
      const begin = end;
      end = roundUp(begin + 4 * part.length, 16);
      return begin;
    });
    const short = end - kernel.memory.buffer.byteLength;
    if (short > 0) kernel.memory.grow(Math.ceil(short / PAGE));
    const {buffer} = kernel.memory;
    new Float32Array(buffer, at).set(input);
    new Float32Array(buffer, weight).set(weights);
    new Int32Array(buffer, table, places.length).set(places.map(place => 4 * place));
    kernel.multiply(at, table, places.length / GROUP, weight, blocks, runs, run / STEP,
      4 * (stride - run), output);
    return new Float32Array(buffer, output, numbers);
  }

  // The last window is computed again until they are whole groups.
  function multiply(job) {
    const count = job.places.length, places = new Int32Array(roundUp(count, GROUP));
    places.set(job.places);
    places.fill(job.places[count - 1], count);
    const answer = (products.fast ? fast : plain)({...job, places});
    return answer.subarray(0, count * BLOCK * job.blocks);
  }

  // `fast` is true where the kernel runs, and may be made false to compare.
  const products = {STEP, BLOCK, roundUp, pack, multiply, fast: kernel !== null};
  globalThis.vganProducts = products;
})();
