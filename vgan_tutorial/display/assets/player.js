// A small player for sprite sheets: time runs in one slider, training stages in another.
// A classic script without dependencies, so it runs from disk, from a server and in JupyterLab.
(function () {
  "use strict";

  function make(tag, attributes, parent) {
    var element = document.createElement(tag);
    Object.keys(attributes).forEach(function (name) {
      element.setAttribute(name, attributes[name]);
    });
    if (parent) parent.appendChild(element);
    return element;
  }

  function start(figure) {
    var setup = JSON.parse(figure.dataset.vgan);
    var sheet = figure.querySelector("img");
    var reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
    var moves = setup.frames > 1 ? "frame" : "stage";  // what the play button moves
    var count = {frame: setup.frames, stage: setup.labels.length || 1};
    var now = {frame: 0, stage: setup.frames > 1 ? count.stage - 1 : 0};
    var playing = setup.autoplay && !reduced.matches;
    var visible = true;
    var timer = null;
    var sliders = {};

    var canvas = make("canvas", {role: "img", "aria-label": sheet.alt,
      width: setup.width, height: setup.height, "class": sheet.className});
    canvas.style.width = setup.shown + "px";
    figure.insertBefore(canvas, sheet);
    figure.dataset.ready = "yes";  // the style sheet now hides the strip, except in print
    var bar = make("div", {"class": "vgan-controls"});
    figure.insertBefore(bar, sheet.nextSibling);
    var button = make("button", {type: "button"}, bar);
    addSlider("frame", "Frame");
    addSlider("stage", "Stage");

    function addSlider(name, label) {
      if (count[name] < 2) return;
      var row = make("label", {"class": "vgan-slider"}, bar);
      make("span", {"aria-hidden": "true"}, row).textContent = label;
      var input = make("input", {type: "range", "aria-label": label, min: 0,
        max: count[name] - 1, step: 1}, row);
      input.addEventListener("input", function () {
        if (name === moves) play(false);
        now[name] = Number(input.value);
        draw();
      });
      sliders[name] = {input: input, text: make("span", {"class": "vgan-value", "aria-hidden": "true"}, row)};
    }

    function say(name) {
      if (name === "stage") return setup.labels[now.stage];
      return (now.frame + 1) + " / " + setup.frames;
    }

    function draw() {
      var index = now.stage * setup.frames + now.frame;
      var x = (index % setup.columns) * (setup.width + setup.gap);
      var y = Math.floor(index / setup.columns) * (setup.height + setup.gap);
      var pen = canvas.getContext("2d");
      pen.clearRect(0, 0, setup.width, setup.height);
      pen.drawImage(sheet, x, y, setup.width, setup.height, 0, 0, setup.width, setup.height);
      canvas.dataset.index = index;
      Object.keys(sliders).forEach(function (name) {
        sliders[name].input.value = now[name];
        sliders[name].input.setAttribute("aria-valuetext", say(name));
        sliders[name].text.textContent = say(name);
      });
    }

    function step() {
      if (!figure.isConnected) return clearInterval(timer);  // the cell was run again
      now[moves] = (now[moves] + 1) % count[moves];
      draw();
    }

    function play(on) {
      playing = on;
      button.setAttribute("aria-label", on ? "Pause" : "Play");
      button.dataset.state = on ? "playing" : "paused";
      clearInterval(timer);
      timer = on && visible ? setInterval(step, 1000 / setup.fps) : null;
    }

    button.addEventListener("click", function () { play(!playing); });
    bar.addEventListener("keydown", function (event) { event.stopPropagation(); });
    reduced.addEventListener("change", function () { if (reduced.matches) play(false); });
    new IntersectionObserver(function (seen) {
      visible = seen[seen.length - 1].isIntersecting;
      play(playing);
    }).observe(canvas);
    if (sheet.complete && sheet.naturalWidth) draw();
    else sheet.addEventListener("load", draw);
    play(playing);
  }

  document.querySelectorAll("figure[data-vgan]:not([data-ready])").forEach(start);
})();
