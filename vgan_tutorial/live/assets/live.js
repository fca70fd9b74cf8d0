// The content-motion generator in the browser: the network first, then the controls around it.
// A classic script without dependencies, so it runs from disk, from a server and in JupyterLab.
(function () {
  "use strict";

  // The network -----------------------------------------------------------------------------

  // A 16-bit float has one sign bit, five bits of exponent and ten of fraction.
  function fromHalf(bits) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  function bytesOf(dataUri) {
    const text = atob(dataUri.slice(dataUri.indexOf(",") + 1));
    return Uint8Array.from(text, character => character.charCodeAt(0));
  }

  // One checkpoint of a bundle as a network: its sizes, and the layers of each part in order.
  function decode(bundle, checkpoint) {
    const stored = bundle.checkpoints[checkpoint], bytes = bytesOf(stored.weights);
    const view = new DataView(bytes.buffer);
    const read = {
      float32: {bytes: 4, at: place => view.getFloat32(place, true)},
      float16: {bytes: 2, at: place => fromHalf(view.getUint16(place, true))},
      int8: {bytes: 1, at: place => view.getInt8(place)},
    };
    const network = {sizes: bundle, parts: {}, background: null};
    let start = 0;
    bundle.tensors.forEach(([name, shape, type]) => {
      const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
      const scales = [];  // whole numbers have one for each row, before them
      for (; type === "int8" && scales.length < shape[0]; start += 4) {
        scales.push(read.float32.at(start));
      }
      const columns = values.length / shape[0];
      for (let i = 0; i < values.length; i++, start += read[type].bytes) {
        values[i] = read[type].at(start) * (scales[Math.floor(i / columns)] ?? 1);
      }
      const [part, , kind] = name.split(".");
      if (part === "background") network.background = values.map(Math.tanh);
      else if (kind === "weight") (network.parts[part] ||= []).push({weight: values});
      else network.parts[part].at(-1).bias = values;
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

  // The share of a standard normal below z: 1/2 + φ(z) (z + z³/3 + z⁵/(3·5) + …).
  function share(z) {
    if (Math.abs(z) > 8) return z > 0 ? 1 : 0;
    let term = z, sum = z;
    for (let n = 3; Math.abs(term) > 1e-17; n += 2) sum += (term *= z * z / n);
    return 0.5 + sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
  }

  const chosen = (z, choices) => Math.min(choices - 1, Math.floor(share(z) * choices));

  // The number that stands for the middle of a choice: halve an interval until it is found.
  function standsFor(choice, choices) {
    let low = -8, high = 8;
    for (let n = 0; n < 60; n++) {
      const middle = (low + high) / 2;
      if (share(middle) < (choice + 0.5) / choices) low = middle; else high = middle;
    }
    return low;
  }

  // Where the parts of a latent begin. A network that is told classes reads one more number first.
  function beginnings({classes, content}) {
    const who = classes ? 1 : 0;
    return {who, how: who + content};
  }

  // Where a latent has choices: of the class, of the figure and of the move.
  function choicePlaces(sizes) {
    const {who, how} = beginnings(sizes);
    return sizes.classes ? [0, who, how] : [who, how];
  }

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

  // A weighted sum of latents, divided by the norm of the weights so that its variance stays 1.
  // A choice cannot be mixed: it is the one of the latent with the largest weight.
  function mix(latents, weights, choices) {
    const norm = Math.hypot(...weights), nearest = weights.indexOf(Math.max(...weights));
    return latents[0].map((_, i) => choices.includes(i) ? latents[nearest][i]
      : latents.reduce((sum, latent, n) => sum + weights[n] * latent[i], 0) / norm);
  }

  const corners = (across, down) => [
    (1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down,
  ];

  // Box and Muller's way from two uniform numbers to a standard normal one.
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  globalThis.vganLive = {
    decode, generate, toClip, share, standsFor, chosen, choicePlaces, mix, corners,
  };

  // The controls ----------------------------------------------------------------------------

  function make(tag, attributes, parent, text) {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    if (text) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }

  function start(root) {
    const bundle = JSON.parse(root.querySelector("script").textContent);
    const figure = root.closest("figure"), poster = figure.querySelector("img");
    const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
    const {frames, size, kinds, moves, classes} = bundle;
    const {who, how} = beginnings(bundle), places = choicePlaces(bundle);
    const networks = [];  // each checkpoint is decoded when it is first shown
    const state = {
      latent: bundle.latents[0], samples: bundle.latents, mapped: false, across: 0, down: 0,
      checkpoint: bundle.checkpoints.length - 1, frame: 0, playing: !reduced.matches,
    };
    const sliders = [], pads = [], buttons = [];
    let drawn = null, timer = null, visible = true, mapKey = "";

    const network = () => networks[state.checkpoint] ||= decode(bundle, state.checkpoint);
    network();  // a bundle that cannot be read stops here, and the poster stays

    const now = () => state.mapped
      ? mix(state.samples, corners(state.across, state.down), places) : state.latent;

    // The layout: the clip on one side, the controls on the other.
    const stage = make("div", {"class": "vgan-live-stage"}, root);
    const canvas = make("canvas", {role: "img", "aria-label": poster.alt, width: size,
      height: size, "class": "vgan-pixels"}, stage);
    canvas.style.width = root.dataset.shown + "px";
    const bar = make("div", {"class": "vgan-controls"}, stage);
    const play = make("button", {type: "button", "class": "vgan-live-play"}, bar);
    slider(bar, "Frame", 0, frames - 1, 1, () => state.frame, value => {
      run(false);
      state.frame = value;
    }, value => (value + 1) + " / " + frames);
    if (bundle.checkpoints.length > 1) {
      slider(bar, "Training", 0, bundle.checkpoints.length - 1, 1, () => state.checkpoint,
        value => { state.checkpoint = value; }, value => bundle.checkpoints[value].label);
    }
    const status = make("p", {"class": "vgan-live-status", role: "status"}, stage);
    const took = make("p", {"class": "vgan-live-took", "aria-hidden": "true"}, stage);

    const panel = make("div", {"class": "vgan-live-panel"}, root);
    const actions = make("div", {"class": "vgan-live-actions"}, panel);
    button("New sample", () => draw(true, true));
    button("Keep who, change how", () => draw(false, true));
    button("Keep how, change who", () => draw(true, false));
    const swap = button("Map between four samples", () => {
      if (state.mapped) state.latent = now();
      else state.samples = [state.latent, ...state.samples.slice(1)];
      state.mapped = !state.mapped;
    });

    const single = make("div", {"class": "vgan-live-groups"}, panel);
    group("Who", "figure", kinds, who, bundle.directions.content);
    group("How", "move", moves, how, bundle.directions.motion, bundle.class_names);
    const map = make("fieldset", {"class": "vgan-live-group"}, panel);
    make("legend", {}, map, "Map");
    const cells = 5, edge = 0.5 / cells;  // the corners of the map are the middles of its cells
    const inward = value => edge + value * (1 - 2 * edge);
    const outward = value => Math.min(1, Math.max(0, (value - edge) / (1 - 2 * edge)));
    const chart = pad(map, () => [inward(state.across), inward(state.down)], (x, y) => {
      Object.assign(state, {across: outward(x), down: outward(y)});
    }, "vgan-live-chart");
    [["Across", "across"], ["Down", "down"]].forEach(([label, name]) => {
      slider(map, label, 0, 1, 0.01, () => state[name], value => { state[name] = value; },
        value => Math.round(100 * value) + " %");
    });

    function button(label, act) {
      const element = make("button", {type: "button"}, actions, label);
      element.addEventListener("click", () => { act(); refresh(); });
      return element;
    }

    function slider(parent, label, min, max, step, read, write, say, name) {
      const row = make("label", {"class": "vgan-slider"}, parent);
      make("span", {"aria-hidden": "true"}, row, label);
      const input = make("input", {type: "range", "aria-label": name || label, min, max, step}, row);
      const text = make("span", {"class": "vgan-value", "aria-hidden": "true"}, row);
      input.addEventListener("input", () => { write(Number(input.value)); refresh(); });
      sliders.push({input, text, read, say});
    }

    // A pad moves two sliders at once. It is for pointers only: the sliders serve everyone else.
    function pad(parent, read, write, kind) {
      const square = make("div", {"class": "vgan-live-pad " + (kind || ""), "aria-hidden": "true"},
        parent);
      const dot = make("span", {"class": "vgan-live-dot"}, square);
      const follow = event => {
        const box = square.getBoundingClientRect();
        const within = value => Math.min(1, Math.max(0, value));
        write(within((event.clientX - box.left) / box.width),
          within((event.clientY - box.top) / box.height));
        refresh();
      };
      square.addEventListener("pointerdown", event => {
        square.setPointerCapture(event.pointerId);
        follow(event);
      });
      square.addEventListener("pointermove", event => { if (event.buttons) follow(event); });
      pads.push({dot, read});
      return square;
    }

    function set(place, value) {
      state.latent = state.latent.map((old, i) => i === place ? value : old);
    }

    // A button for each class, of which one is pressed.
    function classButtons(parent, names) {
      const row = make("div", {"class": "vgan-live-classes"}, parent);
      make("span", {"aria-hidden": "true"}, row, "Class");
      const choice = make("div", {role: "radiogroup", "aria-label": "Class"}, row);
      const group = "vgan-class-" + Math.random();  // two generators may be on one page
      names.forEach((name, number) => {
        const label = make("label", {}, choice);
        const input = make("input", {type: "radio", name: group}, label);
        label.append(name);
        input.addEventListener("change", () => {
          set(0, standsFor(number, classes));
          refresh();
        });
        buttons.push(input);
      });
    }

    // The controls of one half of the latent: its choice, and its two strongest directions.
    function group(title, noun, choices, begin, directions, classNames = []) {
      const box = make("fieldset", {"class": "vgan-live-group"}, single);
      make("legend", {}, box, title);
      const name = noun[0].toUpperCase() + noun.slice(1);
      if (classNames.length) classButtons(box, classNames);
      if (choices > 1) {
        slider(box, name, 0, choices - 1, 1, () => chosen(state.latent[begin], choices),
          value => set(begin, standsFor(value, choices)), value => (value + 1) + " / " + choices);
      }
      const along = direction =>
        direction.reduce((sum, part, i) => sum + part * state.latent[begin + 1 + i], 0);
      const move = (direction, value) => {
        const step = value - along(direction), end = begin + 1 + direction.length;
        state.latent = state.latent.map((old, i) =>
          i > begin && i < end ? old + step * direction[i - begin - 1] : old);
      };
      const reach = 3;  // standard deviations to either side
      pad(box, () => directions.map(d => (along(d) / reach + 1) / 2), (x, y) => {
        [x, y].forEach((value, n) => move(directions[n], (2 * value - 1) * reach));
      });
      directions.forEach((direction, n) => slider(box, ["Across", "Down"][n], -reach, reach, 0.05,
        () => along(direction), value => move(direction, value),
        value => value.toFixed(1).replace("-", "−"),
        name + ", " + ["first", "second"][n] + " direction"));
    }

    // New samples; what is kept is the half of the latent that is shown now. A class is asked for
    // and not drawn: it stays until another is asked for.
    function draw(newWho, newHow) {
      const kept = now();
      const fresh = sample => kept.map((old, i) => {
        if (i < who) return newHow ? sample[i] : old;
        return (i < how ? newWho : newHow) ? normal() : old;
      });
      if (state.mapped) state.samples = state.samples.map(fresh);
      else state.latent = fresh(state.latent);
    }

    function paint() {
      canvas.getContext("2d").putImageData(
        new ImageData(toPixels(drawn, state.frame), size, size), 0, 0);
      canvas.dataset.frame = state.frame;
      sliders.forEach(({input, text, read, say}) => {
        const value = read();
        input.value = value;
        input.setAttribute("aria-valuetext", say(value));
        text.textContent = say(value);
      });
    }

    // The map shows a frame from the middle of 25 clips, each where it lies.
    function paintMap() {
      const key = [state.checkpoint, ...state.samples.flat()].join();
      if (!state.mapped || key === mapKey) return;
      mapKey = key;
      const sheet = make("canvas", {width: cells * size, height: cells * size});
      for (let n = 0; n < cells * cells; n++) {
        const column = n % cells, row = Math.floor(n / cells);
        const weights = corners(column / (cells - 1), row / (cells - 1));
        const clip = generate(network(), mix(state.samples, weights, places));
        sheet.getContext("2d").putImageData(
          new ImageData(toPixels(clip, frames >> 1), size, size), column * size, row * size);
      }
      chart.style.backgroundImage = "url(" + sheet.toDataURL() + ")";
    }

    function refresh() {
      const latent = now(), before = performance.now();
      drawn = generate(network(), latent);
      took.textContent = "drawn in " + (performance.now() - before).toFixed(1) + " ms";
      canvas.dataset.latent = JSON.stringify(latent);
      single.hidden = state.mapped;
      map.hidden = !state.mapped;
      swap.setAttribute("aria-pressed", state.mapped);
      const kind = classes ? chosen(latent[0], classes) : -1;
      buttons.forEach((input, number) => { input.checked = number === kind; });
      const said = [
        kinds > 1 && "figure " + (chosen(latent[who], kinds) + 1) + " of " + kinds,
        classes && bundle.class_names[kind],
        moves > 1 && "move " + (chosen(latent[how], moves) + 1) + " of " + moves,
        bundle.checkpoints[state.checkpoint].label,
      ].filter(Boolean).join(", ");
      status.textContent = said.charAt(0).toUpperCase() + said.slice(1);
      paint();
      paintMap();
      pads.forEach(({dot, read}) => {
        const [x, y] = read().map(value => 100 * Math.min(1, Math.max(0, value)) + "%");
        Object.assign(dot.style, {left: x, top: y});
      });
    }

    function run(on) {
      state.playing = on;
      play.setAttribute("aria-label", on ? "Pause" : "Play");
      play.dataset.state = on ? "playing" : "paused";
      clearInterval(timer);
      timer = on && visible ? setInterval(() => {
        if (!root.isConnected) return clearInterval(timer);  // the cell was run again
        state.frame = (state.frame + 1) % frames;
        paint();
      }, 1000 / Number(root.dataset.fps)) : null;
    }

    play.addEventListener("click", () => run(!state.playing));
    root.addEventListener("keydown", event => event.stopPropagation());  // keys of JupyterLab
    reduced.addEventListener("change", () => { if (reduced.matches) run(false); });
    new IntersectionObserver(seen => {
      visible = seen.at(-1).isIntersecting;
      run(state.playing);
    }).observe(canvas);
    refresh();
    run(state.playing);
    root.dataset.ready = figure.dataset.ready = "yes";  // the style sheet now hides the poster
  }

  if (typeof document !== "undefined") {
    document.querySelectorAll(".vgan-live:not([data-ready])").forEach(start);
  }
})();
