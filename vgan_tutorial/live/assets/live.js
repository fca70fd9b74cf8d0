// The live generator on a page: a clip, and the controls of the latent that it is drawn from.
// A classic script without dependencies; `controls.js`, `latents.js` and `network.js` stand
// before it.
(function () {
  "use strict";

  const {make, addSlider, addPlayButton} = globalThis.vganControls;
  const {
    choicePlaces, chosen, corners, decode, generate, mix, normal, standsFor, toPixels,
  } = globalThis.vganLive;

  const REACH = 3;  // of a pad and its sliders, in standard deviations to either side
  const CELLS = 5;  // clips in a row of the map
  const EDGE = 0.5 / CELLS;  // the corners of the map are the middles of its outer cells

  const within = value => Math.min(1, Math.max(0, value));

  function start(root) {
    const live = opened(root);
    network(live);  // a bundle that cannot be read stops here, and the poster stays
    const stage = make("div", {"class": "vgan-live-stage"}, root);
    addClip(live, stage);
    addWords(live, stage);
    const panel = make("div", {"class": "vgan-live-panel"}, root);
    addActions(live, panel);
    addHalves(live, panel);
    addMap(live, panel);
    root.addEventListener("keydown", event => event.stopPropagation());  // keys of JupyterLab
    refresh(live);
    root.dataset.ready = live.figure.dataset.ready = "yes";  // the style sheet hides the poster
  }

  // What is shown ---------------------------------------------------------------------------

  // All that one live generator is made of. Every control changes it and then calls `refresh`;
  // what follows a change is in two lists, of functions for another clip and for another frame.
  function opened(root) {
    const bundle = JSON.parse(root.querySelector("script").textContent);
    return {
      root, bundle, figure: root.closest("figure"), networks: [],
      latent: bundle.latents[0], samples: bundle.latents, mapped: false, across: 0, down: 0,
      checkpoint: bundle.checkpoints.length - 1, frame: 0,
      drawn: null, milliseconds: 0, onClip: [], onFrame: [],
    };
  }

  // Each checkpoint is decoded when it is first shown.
  function network(live) {
    return live.networks[live.checkpoint] ||= decode(live.bundle, live.checkpoint);
  }

  function latentOf(live) {
    if (!live.mapped) return live.latent;
    return mix(live.samples, corners(live.across, live.down), choicePlaces(live.bundle));
  }

  function refresh(live) {
    const latent = latentOf(live), before = performance.now();
    live.drawn = generate(network(live), latent);
    live.milliseconds = performance.now() - before;
    live.onClip.forEach(follow => follow(latent));
    showFrame(live);
  }

  function showFrame(live) {
    live.onFrame.forEach(follow => follow());
  }

  function set(live, place, value) {
    live.latent = live.latent.map((old, i) => i === place ? value : old);
  }

  // The clip --------------------------------------------------------------------------------

  function addClip(live, stage) {
    const {root, figure, bundle} = live, {frames, size} = bundle;
    const canvas = make("canvas", {role: "img", "aria-label": figure.querySelector("img").alt,
      width: size, height: size, "class": "vgan-pixels"}, stage);
    canvas.style.width = root.dataset.shown + "px";
    live.onClip.push(latent => { canvas.dataset.latent = JSON.stringify(latent); });
    live.onFrame.push(() => {
      put(canvas, live.drawn, live.frame);
      canvas.dataset.frame = live.frame;
    });
    const bar = make("div", {"class": "vgan-controls"}, stage);
    const pause = addPlayButton(bar, canvas, {
      fps: Number(root.dataset.fps), autoplay: true, step() {
        live.frame = (live.frame + 1) % frames;
        showFrame(live);
      },
    });
    addFrameSlider(live, bar, pause);
    addTrainingSlider(live, bar);
  }

  function put(canvas, drawn, frame, x = 0, y = 0) {
    const image = new ImageData(toPixels(drawn, frame), drawn.size, drawn.size);
    canvas.getContext("2d").putImageData(image, x, y);
  }

  function addFrameSlider(live, bar, pause) {
    const {frames} = live.bundle;
    const show = addSlider(bar, {label: "Frame", max: frames - 1}, value => {
      pause();
      live.frame = value;
      showFrame(live);
    });
    live.onFrame.push(() => show(live.frame, (live.frame + 1) + " / " + frames));
  }

  function addTrainingSlider(live, bar) {
    const {checkpoints} = live.bundle;
    if (checkpoints.length < 2) return;
    addValue(live, bar, {label: "Training", max: checkpoints.length - 1}, {
      read: () => live.checkpoint,
      write(value) { live.checkpoint = value; },
      say: value => checkpoints[value].label,
    });
  }

  // What the clip shows, and how long it took to draw.
  function addWords(live, stage) {
    const status = make("p", {"class": "vgan-live-status", role: "status"}, stage);
    const took = make("p", {"class": "vgan-live-took", "aria-hidden": "true"}, stage);
    live.onClip.push(latent => {
      status.textContent = describe(live, latent);
      took.textContent = "drawn in " + live.milliseconds.toFixed(1) + " ms";
    });
  }

  function describe({bundle, checkpoint}, latent) {
    const {halves} = bundle;
    const said = halves.flatMap(half => [
      ...factorsOf(bundle, half).map(({place, name, values}) =>
        (bundle.factors.length > 1 ? name + " " : "") + values[chosen(latent[place], values.length)]),
      half.choices > 1 && half.noun.toLowerCase() + " "
        + (chosen(latent[half.begin], half.choices) + 1) + " of " + half.choices,
    ]).concat(bundle.checkpoints[checkpoint].label).filter(Boolean).join(", ");
    return said.charAt(0).toUpperCase() + said.slice(1);
  }

  // New samples -----------------------------------------------------------------------------

  function addActions(live, panel) {
    const actions = make("div", {"class": "vgan-live-actions"}, panel);
    const {halves} = live.bundle, [who, how] = halves;
    addAction(live, actions, "New sample", () => renew(live, halves));
    if (how) {  // a latent that is not split has nothing to keep
      addAction(live, actions, "Keep who, change how", () => renew(live, [how]));
      addAction(live, actions, "Keep how, change who", () => renew(live, [who]));
    }
    const swap = addAction(live, actions, "Map between four samples", () => swapMap(live));
    live.onClip.push(() => swap.setAttribute("aria-pressed", live.mapped));
  }

  function addAction(live, parent, text, act) {
    const button = make("button", {type: "button"}, parent, text);
    button.addEventListener("click", () => { act(); refresh(live); });
    return button;
  }

  // New samples; what is kept is the half of the latent that is shown now. How a clip moves is asked
  // for and not drawn: such a factor stays until another value is asked for.
  function renew(live, changed) {
    const kept = latentOf(live);
    const told = changed.flatMap(half => factorsOf(live.bundle, half));
    const fresh = sample => kept.map((old, i) => {
      const factor = told.find(({place}) => place === i);
      if (factor) return factor.moves ? sample[i] : normal();
      return changed.some(({begin, end}) => i >= begin && i < end) ? normal() : old;
    });
    if (live.mapped) live.samples = live.samples.map(fresh);
    else live.latent = fresh(live.latent);
  }

  // From one sample to the map and back; either begins with what the other shows.
  function swapMap(live) {
    if (live.mapped) live.latent = latentOf(live);
    else live.samples = [live.latent, ...live.samples.slice(1)];
    live.mapped = !live.mapped;
  }

  // Who and how -----------------------------------------------------------------------------

  function addHalves(live, panel) {
    const {halves} = live.bundle;
    const groups = make("div", {"class": "vgan-live-groups"}, panel);
    live.onClip.push(() => { groups.hidden = live.mapped; });
    halves.forEach(half => {
      const group = addGroup(groups, half.title);
      factorsOf(live.bundle, half).forEach(factor => addFactor(live, group, factor));
      addChoice(live, group, half);
      addDirections(live, group, half);
    });
  }

  function addGroup(parent, title) {
    const group = make("fieldset", {"class": "vgan-live-group"}, parent);
    make("legend", {}, group, title);
    return group;
  }

  // What the generator is told about one half: the first numbers of a latent.
  function factorsOf({factors, halves}, half) {
    return factors.map((factor, place) => ({...factor, place}))
      .filter(({moves}) => half === (moves ? halves.at(-1) : halves[0]));
  }

  // One factor: a button for each value, of which one is pressed, or a list to choose from.
  function addFactor(live, parent, factor) {
    const title = factor.name.charAt(0).toUpperCase() + factor.name.slice(1);
    const ask = number => {
      set(live, factor.place, standsFor(number, factor.values.length));
      refresh(live);
    };
    const read = latent => chosen(latent[factor.place], factor.values.length);
    const add = live.bundle.factors.length > 1 ? addList : addButtons;
    add(live, parent, title, factor.values, ask, read);
  }

  function addList(live, parent, title, values, ask, read) {
    const label = make("label", {"class": "vgan-live-list"}, parent);
    make("span", {}, label, title);
    const list = make("select", {}, label);
    values.forEach((name, number) => make("option", {value: number}, list, name));
    list.addEventListener("change", () => ask(Number(list.value)));
    live.onClip.push(latent => { list.value = read(latent); });
  }

  function addButtons(live, parent, title, values, ask, read) {
    const row = make("div", {"class": "vgan-live-classes"}, parent);
    make("span", {"aria-hidden": "true"}, row, title);
    const group = make("div", {role: "radiogroup", "aria-label": title}, row);
    const shared = "vgan-class-" + Math.random();  // two generators may be on one page
    values.forEach((name, number) => {
      const label = make("label", {}, group);
      const input = make("input", {type: "radio", name: shared}, label);
      label.append(name);
      input.addEventListener("change", () => ask(number));
      live.onClip.push(latent => { input.checked = number === read(latent); });
    });
  }

  // The choice with which one half of the latent begins.
  function addChoice(live, parent, {noun, choices, begin}) {
    if (choices < 2) return;
    addValue(live, parent, {label: noun, max: choices - 1}, {
      read: () => chosen(live.latent[begin], choices),
      write(value) { set(live, begin, standsFor(value, choices)); },
      say: value => (value + 1) + " / " + choices,
    });
  }

  // A pad and two sliders for the two strongest directions of one half.
  function addDirections(live, parent, {noun, directions, begin, end}) {
    const along = direction =>
      direction.reduce((sum, part, i) => sum + part * live.latent[begin + i], 0);
    const move = (direction, value) => {
      const step = value - along(direction);
      live.latent = live.latent.map((old, i) =>
        i >= begin && i < end ? old + step * direction[i - begin] : old);
    };
    addPad(live, parent, {
      read: () => directions.map(direction => (along(direction) / REACH + 1) / 2),
      write(...point) {
        point.forEach((value, n) => move(directions[n], (2 * value - 1) * REACH));
      },
    });
    directions.forEach((direction, n) => {
      const label = ["Across", "Down"][n];
      const name = noun + ", " + ["first", "second"][n] + " direction";
      addValue(live, parent, {label, name, min: -REACH, max: REACH, step: 0.05}, {
        read: () => along(direction),
        write(value) { move(direction, value); },
        say: value => value.toFixed(1).replace("-", "−"),
      });
    });
  }

  // A slider over a value that may also be changed elsewhere.
  function addValue(live, parent, options, {read, write, say}) {
    const show = addSlider(parent, options, value => {
      write(value);
      refresh(live);
    });
    live.onClip.push(() => show(read(), say(read())));
  }

  // A pad moves two sliders at once. It is for pointers only: the sliders serve everyone else.
  function addPad(live, parent, {read, write}, kind = "") {
    const square = make("div", {"class": "vgan-live-pad " + kind, "aria-hidden": "true"}, parent);
    const dot = make("span", {"class": "vgan-live-dot"}, square);
    const follow = event => {
      const box = square.getBoundingClientRect();
      write(within((event.clientX - box.left) / box.width),
        within((event.clientY - box.top) / box.height));
      refresh(live);
    };
    square.addEventListener("pointerdown", event => {
      square.setPointerCapture(event.pointerId);
      follow(event);
    });
    square.addEventListener("pointermove", event => { if (event.buttons) follow(event); });
    live.onClip.push(() => {
      const [left, top] = read().map(value => 100 * within(value) + "%");
      Object.assign(dot.style, {left, top});
    });
    return square;
  }

  // The map between four samples ------------------------------------------------------------

  function addMap(live, panel) {
    const map = addGroup(panel, "Map");
    const inward = value => EDGE + value * (1 - 2 * EDGE);
    const outward = value => within((value - EDGE) / (1 - 2 * EDGE));
    const chart = addPad(live, map, {
      read: () => [inward(live.across), inward(live.down)],
      write(x, y) { Object.assign(live, {across: outward(x), down: outward(y)}); },
    }, "vgan-live-chart");
    [["Across", "across"], ["Down", "down"]].forEach(([label, axis]) => {
      addValue(live, map, {label, max: 1, step: 0.01}, {
        read: () => live[axis],
        write(value) { live[axis] = value; },
        say: value => Math.round(100 * value) + " %",
      });
    });
    let painted = "";  // the corners of the map on the chart: it is drawn again when they change
    live.onClip.push(() => {
      map.hidden = !live.mapped;
      const key = [live.checkpoint, ...live.samples.flat()].join();
      if (!live.mapped || key === painted) return;
      painted = key;
      chart.style.backgroundImage = "url(" + drawMap(live).toDataURL() + ")";
    });
  }

  // A frame from the middle of 25 clips, each where it lies.
  function drawMap(live) {
    const {size, frames} = live.bundle, places = choicePlaces(live.bundle);
    const sheet = make("canvas", {width: CELLS * size, height: CELLS * size});
    for (let n = 0; n < CELLS * CELLS; n++) {
      const column = n % CELLS, row = Math.floor(n / CELLS);
      const weights = corners(column / (CELLS - 1), row / (CELLS - 1));
      const latent = mix(live.samples, weights, places);
      put(sheet, generate(network(live), latent, [frames >> 1]), 0, column * size, row * size);
    }
    return sheet;
  }

  document.querySelectorAll(".vgan-live:not([data-ready])").forEach(start);
})();
