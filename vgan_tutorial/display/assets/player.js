// A small player for sprite sheets: time runs in one slider, training stages in another.
// A classic script without dependencies; `controls.js` stands before it.
(function () {
  "use strict";

  const {make, addSlider, addPlayButton} = globalThis.vganControls;

  function start(figure) {
    const setup = JSON.parse(figure.dataset.vgan), sheet = figure.querySelector("img");
    const moves = setup.frames > 1 ? "frame" : "stage";  // what the play button moves
    const count = {frame: setup.frames, stage: setup.labels.length || 1};
    const now = {frame: 0, stage: setup.frames > 1 ? count.stage - 1 : 0};
    const text = {
      frame: () => (now.frame + 1) + " / " + setup.frames,
      stage: () => setup.labels[now.stage],
    };
    const canvas = addCanvas(figure, sheet, setup);
    const bar = make("div", {"class": "vgan-controls"});
    figure.insertBefore(bar, sheet.nextSibling);
    const pause = addPlayButton(bar, canvas, {fps: setup.fps, autoplay: setup.autoplay, step() {
      now[moves] = (now[moves] + 1) % count[moves];
      draw();
    }});
    const sliders = [["frame", "Frame"], ["stage", "Stage"]]
      .filter(([name]) => count[name] > 1)
      .map(([name, label]) => {
        const show = addSlider(bar, {label, max: count[name] - 1}, value => {
          if (name === moves) pause();
          now[name] = value;
          draw();
        });
        return () => show(now[name], text[name]());
      });

    function draw() {
      drawCell(canvas, sheet, setup, now.stage * setup.frames + now.frame);
      sliders.forEach(follow => follow());
    }

    bar.addEventListener("keydown", event => event.stopPropagation());  // keys of JupyterLab
    if (sheet.complete && sheet.naturalWidth) draw();
    else sheet.addEventListener("load", draw);
  }

  // The canvas takes the place of the sheet, and its alternative text.
  function addCanvas(figure, sheet, {width, height, shown}) {
    const canvas = make("canvas", {role: "img", "aria-label": sheet.alt, width, height,
      "class": sheet.className});
    canvas.style.width = shown + "px";
    figure.insertBefore(canvas, sheet);
    figure.dataset.ready = "yes";  // the style sheet now hides the strip, except in print
    return canvas;
  }

  function drawCell(canvas, sheet, {columns, width, height, gap}, index) {
    const x = (index % columns) * (width + gap), y = Math.floor(index / columns) * (height + gap);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    pen.drawImage(sheet, x, y, width, height, 0, 0, width, height);
    canvas.dataset.index = index;
  }

  document.querySelectorAll("figure[data-vgan]:not([data-ready])").forEach(start);
})();
