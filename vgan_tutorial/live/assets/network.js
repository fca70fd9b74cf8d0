// The content-motion generator in the browser: weights in, clips out. Nothing here knows the page.
// A classic script without dependencies; `latents.js` stands before it.
//
//   decode(bundle, checkpoint)  a network: its sizes, and the layers of each part in order
//   generate(network, latent)   what a latent decides, from which pixels are made
//   toClip(drawn)               the clip as PyTorch holds it
//   toPixels(drawn, frame)      one frame as a canvas holds it
(function () {
  "use strict";

  const {beginnings, chosen} = globalThis.vganLive;

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
    const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
    const {bytes, at} = TYPES[type], columns = values.length / shape[0], scales = [];
    for (; type === "int8" && scales.length < shape[0]; start += TYPES.float32.bytes) {
      scales.push(TYPES.float32.at(view, start));  // one for each row, before the whole numbers
    }
    for (let i = 0; i < values.length; i++, start += bytes) {
      values[i] = at(view, start) * (scales[Math.floor(i / columns)] ?? 1);
    }
    return {values, end: start};
  }

  function decode(bundle, checkpoint) {
    const view = new DataView(bytesOf(bundle.checkpoints[checkpoint].weights).buffer);
    const network = {sizes: bundle, parts: {}, background: null};
    let start = 0;
    bundle.tensors.forEach(([name, shape, type]) => {
      const {values, end} = readTensor(view, start, shape, type);
      const [part, , kind] = name.split(".");
      if (part === "background") network.background = values.map(Math.tanh);
      else if (kind === "weight") (network.parts[part] ||= []).push({weight: values});
      else network.parts[part].at(-1).bias = values;
      start = end;
    });
    return network;
  }

  // Linear layers with leaky rectifiers between them.
  function perceptron(layers, input) {
    layers.forEach(({weight, bias}, number) => {
      const output = new Float32Array(bias.length), last = number === layers.length - 1;
      for (let o = 0, w = 0; o < output.length; o++) {
        let sum = bias[o];
        for (let i = 0; i < input.length; i++, w++) sum += weight[w] * input[i];
        output[o] = last || sum > 0 ? sum : 0.2 * sum;
      }
      input = output;
    });
    return input;
  }

  const sigmoid = value => 1 / (1 + Math.exp(-value));

  // The first number of a latent becomes a choice; the rest follows as it is.
  function choose(latent, choices) {
    const vector = new Float32Array(choices + latent.length - 1);
    vector[chosen(latent[0], choices)] = Math.sqrt(choices);
    vector.set(latent.slice(1), choices);
    return vector;
  }

  // Where the figure's centre is in every frame, as shares of the width and height.
  function path(network, motion, kind) {
    const {frames, waves, moves, classes} = network.sizes, centres = [];
    const vector = choose(motion, moves), clock = vector.length + classes;
    const input = new Float32Array(clock + 2 * waves);
    input.set(vector);
    if (classes) input[vector.length + kind] = Math.sqrt(classes);
    for (let frame = 0; frame < frames; frame++) {
      for (let wave = 0; wave < waves; wave++) {
        const angle = 2 * Math.PI * (wave + 1) * frame / frames;
        input[clock + wave] = Math.sin(angle);
        input[clock + waves + wave] = Math.cos(angle);
      }
      centres.push(Array.from(perceptron(network.parts.path, input), x => 0.1 + 0.8 * sigmoid(x)));
    }
    return centres;
  }

  // For every pixel of a row or column: the point of the tile before it, and how far beyond.
  function lookUp(centre, size, side, span) {
    return Array.from({length: size}, (_, pixel) => {
      const across = ((pixel + 0.5) / size - centre) * 2 / span;  // -1 to 1 across the tile
      const place = ((across + 1) * side - 1) / 2, before = Math.floor(place);
      return {before, beyond: place - before};
    });
  }

  // Lay the tile over an empty frame; between the tile's points the answer is interpolated.
  function place(tile, side, [x, y], size, span, mask, start) {
    const columns = lookUp(x, size, side, span), rows = lookUp(y, size, side, span);
    const at = (row, column) =>
      row < 0 || row >= side || column < 0 || column >= side ? 0 : tile[row * side + column];
    rows.forEach(({before: row, beyond: down}, r) => {
      if (row < -1 || row >= side) return;
      columns.forEach(({before: column, beyond: right}, c) => {
        if (column < -1 || column >= side) return;
        const upper = at(row, column) * (1 - right) + at(row, column + 1) * right;
        const lower = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right;
        mask[start + r * size + c] = upper * (1 - down) + lower * down;
      });
    });
  }

  // A square picture on a finer grid. Beyond the outermost points it stays as it is there.
  function enlarge(picture, from, to) {
    if (from === to) return picture;
    const places = Array.from({length: to}, (_, i) => {
      const place = Math.min(from - 1, Math.max(0, (i + 0.5) * from / to - 0.5));
      const before = Math.min(from - 2, Math.floor(place));
      return {before, beyond: place - before};
    });
    const between = (start, {before, beyond}) =>
      picture[start + before] * (1 - beyond) + picture[start + before + 1] * beyond;
    return Float32Array.from({length: to * to}, (_, i) => {
      const row = places[Math.floor(i / to)], column = places[i % to];
      const upper = between(row.before * from, column);
      const lower = between((row.before + 1) * from, column);
      return upper * (1 - row.beyond) + lower * row.beyond;
    });
  }

  // What a latent decides: two colours, and a mask for every frame.
  function generate(network, latent) {
    const {frames, size, span, kinds, classes, cells} = network.sizes, side = size / 2;
    const {who, how} = beginnings(network.sizes);
    const content = choose(latent.slice(who, how), kinds);
    const outline = perceptron(network.parts.outline, content);
    const tile = enlarge(outline, cells, side).map(sigmoid);
    const colour = perceptron(network.parts.colour, content).map(Math.tanh);
    const mask = new Float32Array(frames * size * size);
    const kind = classes ? chosen(latent[0], classes) : 0;
    path(network, latent.slice(how), kind).forEach((centre, frame) =>
      place(tile, side, centre, size, span, mask, frame * size * size));
    return {mask, colour, background: network.background, frames, size};
  }

  // The clip as PyTorch holds it: channel, time, height, width, in [-1, 1].
  function toClip({mask, colour, background}) {
    const clip = new Float32Array(3 * mask.length);
    for (let channel = 0; channel < 3; channel++) {
      for (let i = 0; i < mask.length; i++) {
        clip[channel * mask.length + i] =
          mask[i] * colour[channel] + (1 - mask[i]) * background[channel];
      }
    }
    return clip;
  }

  // One frame as a canvas holds it: red, green, blue and opacity of every pixel, 0 to 255.
  function toPixels({mask, colour, background, size}, frame) {
    const pixels = new Uint8ClampedArray(4 * size * size);
    for (let i = 0, m = frame * size * size; i < size * size; i++, m++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = mask[m] * colour[channel] + (1 - mask[m]) * background[channel];
        pixels[4 * i + channel] = Math.round(127.5 * (value + 1));
      }
      pixels[4 * i + 3] = 255;
    }
    return pixels;
  }

  Object.assign(globalThis.vganLive, {decode, generate, toClip, toPixels});
})();
