// Operations without weights to learn: what happens to latents, clocks, features and pictures.
// A classic script without dependencies; `latents.js` and `layers.js` stand before it.
//
// An operation takes its inputs, its tensors, its settings, an object that only layers use, and
// the frames that are wanted, or null for all.
(function () {
  "use strict";

  const {chosen, share} = globalThis.vganLive;
  const {size, value, channels, sigmoid, tanh} = globalThis.vganLayers;

  function map({shape, data}, change) {
    const output = value(shape);
    for (let i = 0; i < data.length; i++) output.data[i] = change(data[i]);
    return output;
  }

  // Rows and vectors -------------------------------------------------------------------------

  // Some of the numbers of a latent.
  const slice = ([input], tensors, {begin, end}) =>
    value([1, end - begin], input.data.slice(begin, end));

  const reshape = ([input], tensors, {shape}) => value(shape, input.data);

  // The last axis, as channels of pictures that PyTorch holds channel by channel.
  function unflatten([input], tensors, {shape: [, height, width]}) {
    const rows = input.shape[0], area = height * width, count = channels(input) / area;
    const output = value([rows, height, width, count]);
    for (let row = 0, from = 0; row < rows; row++) {
      for (let c = 0; c < count; c++) {
        for (let place = 0; place < area; place++) {
          output.data[(row * area + place) * count + c] = input.data[from++];
        }
      }
    }
    return output;
  }

  // Channels of several values, side by side.
  function concatenate(inputs) {
    const widths = inputs.map(channels), width = widths.reduce((sum, each) => sum + each);
    const output = value([...inputs[0].shape.slice(0, -1), width]);
    let begin = 0;
    inputs.forEach(({data}, n) => {
      for (let row = 0; row * width < output.data.length; row++) {
        output.data.set(data.subarray(row * widths[n], (row + 1) * widths[n]), row * width + begin);
      }
      begin += widths[n];
    });
    return output;
  }

  // The clip's one row, once for every frame.
  function repeat([input], tensors, {rows}) {
    const output = value([rows, ...input.shape.slice(1)]);
    for (let row = 0; row < rows; row++) output.data.set(input.data, row * input.data.length);
    return output;
  }

  // From here on only the frames that are wanted.
  function pick([input], tensors, settings, kept, wanted) {
    if (!wanted) return input;
    const length = size(input.shape.slice(1));
    const output = value([wanted.length, ...input.shape.slice(1)]);
    wanted.forEach((row, n) =>
      output.data.set(input.data.subarray(row * length, (row + 1) * length), n * length));
    return output;
  }

  // The first number becomes a choice, one entry that is `scale`; the rest follows as it is.
  function choose([input], tensors, {choices, scale}) {
    const output = value([1, choices + input.data.length - 1]);
    output.data.fill(0, 0, choices);
    output.data[chosen(input.data[0], choices)] = scale;
    output.data.set(input.data.subarray(1), choices);
    return output;
  }

  // Every row to a mean square of 1.
  function normalise([input]) {
    const output = value(input.shape), width = input.data.length / input.shape[0];
    for (let begin = 0; begin < input.data.length; begin += width) {
      let squares = 0;
      for (let i = begin; i < begin + width; i++) squares += input.data[i] ** 2;
      const factor = 1 / Math.sqrt(squares / width + 1e-8);
      for (let i = begin; i < begin + width; i++) output.data[i] = input.data[i] * factor;
    }
    return output;
  }

  // From normal numbers to uniform ones, between -1 and 1.
  const uniform = ([input]) => map(input, x => 2 * share(x) - 1);

  // Sines, then cosines, of every frame's number times each frequency.
  function clock(inputs, [frequencies], {frames}) {
    const waves = frequencies.data.length, output = value([frames, 2 * waves]);
    for (let frame = 0; frame < frames; frame++) {
      frequencies.data.forEach((frequency, wave) => {
        output.data[2 * waves * frame + wave] = Math.sin(frame * frequency);
        output.data[2 * waves * frame + waves + wave] = Math.cos(frame * frequency);
      });
    }
    return output;
  }

  // Every pair of numbers, turned by the frame's number times its frequency: first the first
  // numbers of all pairs, then the second ones.
  function turn([{data}], [frequencies], {frames}) {
    const waves = frequencies.data.length, output = value([frames, 2 * waves]);
    for (let frame = 0; frame < frames; frame++) {
      frequencies.data.forEach((frequency, wave) => {
        const across = Math.cos(frame * frequency), up = Math.sin(frame * frequency);
        const first = data[2 * wave], second = data[2 * wave + 1], row = 2 * waves * frame;
        output.data[row + wave] = first * across - second * up;
        output.data[row + waves + wave] = first * up + second * across;
      });
    }
    return output;
  }

  const constant = (inputs, [tensor]) => value([1, ...tensor.shape], tensor.data);

  // Number by number -------------------------------------------------------------------------

  // Half of all features are below 0, and a branch for each would cost more than |x|.
  function leakyRelu([{shape, data}], tensors, {slope}) {
    const output = value(shape).data, even = (1 - slope) / 2, odd = (1 + slope) / 2;
    for (let i = 0; i < data.length; i++) output[i] = odd * data[i] + even * Math.abs(data[i]);
    return value(shape, output);
  }

  const relu = inputs => leakyRelu(inputs, [], {slope: 0});
  const affine = ([input], tensors, {scale, shift}) => map(input, x => shift + scale * x);

  // Pictures ---------------------------------------------------------------------------------

  // For every pixel of a longer line: the point of the shorter before it, and how far beyond.
  // Beyond the outermost points it stays as it is there.
  const stretched = (from, to) => Array.from({length: to}, (_, i) => {
    const place = Math.min(from - 1, Math.max(0, (i + 0.5) * from / to - 0.5));
    const before = Math.min(Math.max(0, from - 2), Math.floor(place));
    return {before, after: Math.min(from - 1, before + 1), beyond: place - before};
  });

  // On a finer grid, with straight lines between the points: first along, then down.
  function enlarge([input], tensors, {shape: [high, broad]}) {
    const [rows, height, width, count] = input.shape;
    const widened = value([rows, height, broad, count]), output = value([rows, high, broad, count]);
    const columns = stretched(width, broad), lines = stretched(height, high);
    for (let line = 0, to = 0; line < rows * height; line++) {
      columns.forEach(({before, after, beyond}) => {
        const first = (line * width + before) * count, second = (line * width + after) * count;
        between(input.data, first, second, beyond, widened.data, to, count);
        to += count;
      });
    }
    const stride = broad * count;
    for (let row = 0, to = 0; row < rows; row++) {
      lines.forEach(({before, after, beyond}) => {
        const first = (row * height + before) * stride, second = (row * height + after) * stride;
        between(widened.data, first, second, beyond, output.data, to, stride);
        to += stride;
      });
    }
    return output;
  }

  function between(from, first, second, beyond, to, start, length) {
    const near = 1 - beyond;
    for (let i = 0; i < length; i++) {
      to[start + i] = from[first + i] * near + from[second + i] * beyond;
    }
  }

  // A tile laid over an empty frame with its middle at each of the centres, shares of the frame;
  // it is `span` of the frame wide. Between its points the answer is interpolated.
  function tile([{shape: [, side], data}, centres], tensors, {size: across, span}) {
    const frames = centres.shape[0], output = value([frames, across, across, 1]);
    output.data.fill(0);
    const at = (row, column) =>
      row < 0 || row >= side || column < 0 || column >= side ? 0 : data[row * side + column];
    for (let frame = 0; frame < frames; frame++) {
      const [x, y] = centres.data.subarray(2 * frame);
      const columns = lookUp(x, across, side, span);
      lookUp(y, across, side, span).forEach(({before: row, beyond: down}, r) => {
        if (row < -1 || row >= side) return;
        columns.forEach(({before: column, beyond: right}, c) => {
          if (column < -1 || column >= side) return;
          const upper = at(row, column) * (1 - right) + at(row, column + 1) * right;
          const lower = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right;
          output.data[(frame * across + r) * across + c] = upper * (1 - down) + lower * down;
        });
      });
    }
    return output;
  }

  // For every pixel of a row or column: the point of the tile before it, and how far beyond.
  const lookUp = (centre, across, side, span) => Array.from({length: across}, (_, pixel) => {
    const share = ((pixel + 0.5) / across - centre) * 2 / span;  // -1 to 1 across the tile
    const place = ((share + 1) * side - 1) / 2, before = Math.floor(place);
    return {before, beyond: place - before};
  });

  // mask * figure + (1 - mask) * ground, with a colour of each.
  function overlay([mask, figure, ground]) {
    const count = channels(figure), output = value([...mask.shape.slice(0, -1), count]);
    mask.data.forEach((share, pixel) => {
      for (let c = 0; c < count; c++) {
        output.data[pixel * count + c] = share * figure.data[c] + (1 - share) * ground.data[c];
      }
    });
    return output;
  }

  globalThis.vganOperations = {
    ...globalThis.vganLayers.operations,
    slice, reshape, unflatten, concatenate, repeat, pick, choose, normalise, uniform, clock, turn,
    constant, relu, leaky_relu: leakyRelu, affine,
    tanh: ([input]) => map(input, tanh), sigmoid: ([input]) => map(input, sigmoid),
    enlarge, tile, overlay,
  };
})();
