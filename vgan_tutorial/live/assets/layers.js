// Layers with weights, on values whose channels are innermost: linear, convolutions, recurrence.
// A classic script without dependencies; `products.js` stands before it.
//
// A value is {shape, data}: rows first (one for the clip, or one for every frame), then the places
// of a picture, then channels. A layer takes its inputs, its tensors, its settings, and `kept`, an
// object of its own in which it keeps what it has worked out from its weights.
(function () {
  "use strict";

  const {STEP, BLOCK, roundUp, pack, multiply} = globalThis.vganProducts;

  const size = shape => shape.reduce((product, length) => product * length, 1);
  const value = (shape, data = room(size(shape))) => ({shape, data});
  const channels = ({shape}) => shape[shape.length - 1];
  const sigmoid = x => 1 / (1 + Math.exp(-x));
  const tanh = x => 1 - 2 / (1 + Math.exp(2 * x));  // several times as fast as Math.tanh

  // Large arrays cost more to get than to fill, so those of one clip serve the next one. What they
  // hold at first is whatever was there.
  const free = new Map(), taken = [];

  function room(length) {
    const data = free.get(length)?.pop() ?? new Float32Array(length);
    taken.push(data);
    return data;
  }

  // Every value that was made since the last call may be overwritten from now on.
  function release() {
    taken.splice(0).forEach(data => {
      if (free.has(data.length)) free.get(data.length).push(data);
      else free.set(data.length, [data]);
    });
  }

  // Pictures with empty places around them, and empty channels up to whole fours; `scales` holds a
  // factor for every row's every channel.
  function surround({shape, data}, [top, bottom, left, right], scales = null) {
    const [rows, height, width, count] = shape, wide = roundUp(count, STEP);
    const around = {height: height + top + bottom, width: width + left + right, wide};
    around.data = room(rows * around.height * around.width * wide).fill(0);
    const factors = scales ?? new Float32Array(count).fill(1);
    for (let line = 0, from = 0; line < rows * height; line++) {
      const row = Math.floor(line / height), y = line % height + top;
      const first = scales ? row * count : 0;
      let to = ((row * around.height + y) * around.width + left) * wide;
      if (!scales && wide === count) {
        around.data.set(data.subarray(from, from += width * count), to);
        continue;
      }
      for (let x = 0; x < width; x++, to += wide, from += count) {
        for (let c = 0; c < count; c++) around.data[to + c] = data[from + c] * factors[first + c];
      }
    }
    return around;
  }

  // The sums of windows of `taps` places, one beside the other, the first at (down, across).
  function slide({data, height, width, wide}, rows, [high, broad], [down, across], taps, weights) {
    const places = new Int32Array(rows * high * broad);
    for (let n = 0, row = 0; row < rows; row++) {
      for (let y = 0; y < high; y++) {
        const start = (row * height + y + down) * width + across;
        for (let x = 0; x < broad; x++) places[n++] = (start + x) * wide;
      }
    }
    const run = taps[1] * wide, block = BLOCK * (taps[0] * run + 1);
    return multiply({input: data, places, weights, blocks: weights.length / block,
      runs: taps[0], run, stride: width * wide});
  }

  // The weights of a window, of which tap (v, u) is the kernel's (ky(v), kx(u)).
  function packTaps(weight, bias, [high, broad], ky, kx) {
    const [outputs, inputs, , across] = weight.shape, wide = roundUp(inputs, STEP);
    const area = weight.shape[2] * across;
    return pack(outputs, high * broad * wide, bias?.data, (o, i) => {
      const c = i % wide, tap = (i - c) / wide, u = tap % broad, v = (tap - u) / broad;
      return c < inputs ? weight.data[(o * inputs + c) * area + ky(v) * across + kx(u)] : 0;
    });
  }

  // A value with the first numbers of every row of sums, which has whole eights of them.
  function trimmed(sums, shape, count = shape.at(-1)) {
    const output = value(shape), wide = roundUp(count, BLOCK);
    if (wide === count) output.data.set(sums);
    else for (let from = 0, to = 0; from < sums.length; from += wide, to += count) {
      for (let c = 0; c < count; c++) output.data[to + c] = sums[from + c];
    }
    return output;
  }

  function linear([input], [weight, bias], settings, kept) {
    const [outputs, inputs] = weight.shape, rows = input.data.length / inputs;
    const flat = surround(value([rows, 1, 1, inputs], input.data), [0, 0, 0, 0]);
    kept.weights ||= packTaps({...weight, shape: [outputs, inputs, 1, 1]}, bias, [1, 1],
      () => 0, () => 0);
    const sums = slide(flat, rows, [1, 1], [0, 0], [1, 1], kept.weights);
    return trimmed(sums, [...input.shape.slice(0, -1), outputs]);
  }

  function convolved(input, weight, bias, [py, px], kept, scales) {
    const [rows, height, width] = input.shape, [outputs, , kh, kw] = weight.shape;
    const around = surround(input, [py, py, px, px], scales);
    kept.weights ||= packTaps(weight, bias, [kh, kw], v => v, u => u);
    const shape = [height + 2 * py - kh + 1, width + 2 * px - kw + 1];
    const sums = slide(around, rows, shape, [0, 0], [kh, kw], kept.weights);
    return trimmed(sums, [rows, ...shape, outputs]);
  }

  const convolution = ([input], [weight, bias], {padding}, kept) =>
    convolved(input, weight, bias, padding, kept, null);

  // Channels are scaled by 1 + the second input and convolved; where there is a `gain`, they are
  // divided by the length that the scales give the weights, and multiplied by it.
  function modulated([input, steered], [weight, bias], {padding, gain}, kept) {
    const [outputs, inputs] = weight.shape, scales = steered.data.map(scale => 1 + scale);
    kept.squares ||= squares(weight);
    const output = convolved(input, weight, null, padding, kept, scales), {data} = output;
    const rows = output.shape[0], numbers = data.length / rows;
    const factors = new Float32Array(outputs);
    for (let row = 0; row < rows; row++) {
      for (let o = 0; o < outputs; o++) {
        let sum = 1e-8;
        for (let i = 0; i < inputs; i++) {
          sum += scales[row * inputs + i] ** 2 * kept.squares[o * inputs + i];
        }
        factors[o] = gain ? gain / Math.sqrt(sum) : 1;
      }
      for (let i = row * numbers; i < (row + 1) * numbers; i += outputs) {
        for (let o = 0; o < outputs; o++) data[i + o] = data[i + o] * factors[o] + bias.data[o];
      }
    }
    return output;
  }

  // The sum of a kernel's squares, for every pair of output and input.
  function squares({shape, data}) {
    const [outputs, inputs, kh, kw] = shape, area = kh * kw;
    return Float32Array.from({length: outputs * inputs}, (_, pair) => {
      let sum = 0;
      for (let i = pair * area; i < (pair + 1) * area; i++) sum += data[i] ** 2;
      return sum;
    });
  }

  // A transposed convolution: its outputs fall into phases, each a convolution with some of the
  // taps. Output y hears input i through tap ky where y + padding = stride * i + ky.
  function transposed([input], [weight, bias], settings, kept) {
    const [rows, height, width] = input.shape, [outputs, , kh, kw] = weight.shape;
    if (height * width === 1 && Math.max(...settings.padding) === 0 && settings.stride[0] === 1) {
      return spread(input, weight, bias, kept);
    }
    const [vertical, horizontal] = [[height, kh, 0], [width, kw, 1]].map(([length, taps, axis]) =>
      phases(length, taps, settings.stride[axis], settings.padding[axis],
        settings.output_padding[axis]));
    const output = value([rows, vertical.length, horizontal.length, outputs]);
    const around = surround(input, [vertical.before, vertical.after, horizontal.before,
      horizontal.after]);
    kept.weights ||= {};
    vertical.phases.forEach(down => horizontal.phases.forEach(across => {
      const taps = [down.taps, across.taps];
      const weights = kept.weights[[down.phase, across.phase]] ||=
        packTaps(weight, bias, taps, down.tap, across.tap);
      const sums = slide(around, rows, [down.count, across.count], [down.begin, across.begin],
        taps, weights);
      scatter(sums, output, down, across);
    }));
    return output;
  }

  function phases(length, taps, stride, padding, outputPadding) {
    const answer = {length: (length - 1) * stride - 2 * padding + taps + outputPadding};
    answer.before = Math.ceil(taps / stride) - 1;  // places before the first that a window reads
    answer.after = Math.max(0, Math.floor((answer.length - 1 + padding) / stride) - length + 1);
    answer.phases = Array.from({length: Math.min(stride, answer.length)}, (_, first) => {
      const phase = (first + padding) % stride, count = Math.ceil((taps - phase) / stride);
      const last = Math.floor((first + padding) / stride);  // the last input that is heard first
      return {
        phase, first, step: stride, taps: count,
        count: Math.ceil((answer.length - first) / stride),
        begin: answer.before + last - (count - 1),
        tap: t => phase + stride * (count - 1 - t),  // the earliest input has the latest tap
      };
    });
    return answer;
  }

  // Rows of sums to every `step`-th place of the output, from the phase's first.
  function scatter(sums, {shape, data}, down, across) {
    const [rows, height, width, outputs] = shape, wide = roundUp(outputs, BLOCK);
    for (let row = 0, from = 0; row < rows; row++) {
      for (let y = down.first; y < height; y += down.step) {
        for (let x = across.first; x < width; x += across.step, from += wide) {
          const to = ((row * height + y) * width + x) * outputs;
          for (let c = 0; c < outputs; c++) data[to + c] = sums[from + c];
        }
      }
    }
  }

  // From a single place every tap makes an output of its own: a linear layer.
  function spread(input, weight, bias, kept) {
    const [outputs, inputs, kh, kw] = weight.shape, rows = input.shape[0], area = kh * kw;
    const flat = surround(input, [0, 0, 0, 0]);
    const repeated = bias && Float32Array.from({length: area * outputs},
      (_, i) => bias.data[i % outputs]);
    kept.weights ||= pack(area * outputs, flat.wide, repeated, (place, i) => {
      const o = place % outputs, tap = (place - o) / outputs;
      return i < inputs ? weight.data[(o * inputs + i) * area + tap] : 0;
    });
    const sums = slide(flat, rows, [1, 1], [0, 0], [1, 1], kept.weights);
    return trimmed(sums, [rows, kh, kw, outputs], area * outputs);
  }

  // A gated recurrent unit; the first row of its input is the state before the first step.
  function gru([input], [fromInput, fromState, inputBias, stateBias]) {
    const states = fromState.shape[1], inputs = channels(input), steps = input.shape[0] - 1;
    const output = value([steps, states]);
    const row = (weight, bias, gate, vector) => {
      let sum = bias.data[gate];
      vector.forEach((number, i) => { sum += weight.data[gate * vector.length + i] * number; });
      return sum;
    };
    let state = input.data.slice(0, inputs);
    for (let step = 1; step <= steps; step++) {
      const noise = input.data.subarray(step * inputs, (step + 1) * inputs), before = state;
      const heard = gate => row(fromInput, inputBias, gate, noise);
      const kept = gate => row(fromState, stateBias, gate, before);
      state = before.map((old, n) => {
        const reset = sigmoid(heard(n) + kept(n));
        const update = sigmoid(heard(states + n) + kept(states + n));
        const proposed = tanh(heard(2 * states + n) + reset * kept(2 * states + n));
        return (1 - update) * proposed + update * old;
      });
      output.data.set(state, (step - 1) * states);
    }
    return output;
  }

  globalThis.vganLayers = {
    size, value, release, channels, sigmoid, tanh,
    operations: {linear, convolution, modulated, transposed, gru},
  };
})();
