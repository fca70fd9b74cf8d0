// A generator in the browser: weights in, clips out. It runs the list of operations that a bundle
// holds, and knows no network by name. Nothing here knows the page.
// A classic script without dependencies; `latents.js` and `operations.js` stand before it.
//
//   decode(bundle, checkpoint)         a network: its operations, and their weights
//   generate(network, latent, frames)  what a latent makes: all frames, or those that are named
//   toClip(drawn)                      the clip as PyTorch holds it
//   toPixels(drawn, frame)             one frame as a canvas holds it
(function () {
  "use strict";

  const operations = globalThis.vganOperations, {release} = globalThis.vganLayers;

  // A 16-bit float has one sign bit, five bits of exponent and ten of fraction.
  function fromHalf(bits) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  const TYPES = {
    float32: {bytes: 4, at: (view, place) => view.getFloat32(place, true)},
    float16: {bytes: 2, at: (view, place) => fromHalf(view.getUint16(place, true))},
    int8: {bytes: 1, at: (view, place) => view.getInt8(place)},
  };

  function bytesOf(dataUri) {
    const text = atob(dataUri.slice(dataUri.indexOf(",") + 1));
    return Uint8Array.from(text, character => character.charCodeAt(0));
  }

  // The values of a tensor that begins at `start`, and where the next one begins.
  function readTensor(view, start, shape, type) {
    const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
    const {bytes, at} = TYPES[type], columns = data.length / shape[0], scales = [];
    for (; type === "int8" && scales.length < shape[0]; start += TYPES.float32.bytes) {
      scales.push(TYPES.float32.at(view, start));  // one for each row, before the whole numbers
    }
    for (let i = 0; i < data.length; i++, start += bytes) {
      data[i] = at(view, start) * (scales[Math.floor(i / columns)] ?? 1);
    }
    return {data, end: start};
  }

  function decode(bundle, checkpoint) {
    const view = new DataView(bytesOf(bundle.checkpoints[checkpoint].weights).buffer);
    let start = 0;
    const tensors = bundle.tensors.map(([, shape, type]) => {
      const {data, end} = readTensor(view, start, shape, type);
      start = end;
      return {shape, data};
    });
    return bundle.program.map(({op, from = [], tensors: used = [], ...settings}) => {
      if (op !== "latent" && !operations[op]) throw new Error("an unknown operation: " + op);
      // `kept` is where a layer keeps what it has worked out from its weights
      return {op, from, settings, tensors: used.map(number => tensors[number]), kept: {}};
    });
  }

  // The answer of an operation is known by its place in the list; the last is the clip.
  function generate(network, latent, frames = null) {
    const answers = [];
    network.forEach(({op, from, settings, tensors, kept}) => {
      const inputs = from.map(number => answers[number]);
      answers.push(op === "latent" ? {shape: [1, latent.length], data: Float32Array.from(latent)}
        : operations[op](inputs, tensors, settings, kept, frames));
    });
    const {shape, data} = answers.at(-1);  // time, height, width, channel
    const drawn = {data: data.slice(), frames: shape[0], size: shape[1]};
    release();
    return drawn;
  }

  // The clip as PyTorch holds it: channel, time, height, width, in [-1, 1].
  function toClip({data}) {
    const clip = new Float32Array(data.length), pixels = data.length / 3;
    for (let i = 0; i < data.length; i++) clip[i % 3 * pixels + Math.floor(i / 3)] = data[i];
    return clip;
  }

  // One frame as a canvas holds it: red, green, blue and opacity of every pixel, 0 to 255.
  function toPixels({data, size}, frame) {
    const pixels = new Uint8ClampedArray(4 * size * size);
    for (let i = 0, from = 3 * frame * size * size; i < size * size; i++) {
      for (let channel = 0; channel < 3; channel++) {
        pixels[4 * i + channel] = Math.round(127.5 * (data[from++] + 1));
      }
      pixels[4 * i + 3] = 255;
    }
    return pixels;
  }

  Object.assign(globalThis.vganLive, {decode, generate, toClip, toPixels});
})();
