// What a player and a live generator share: elements, sliders and the play button.
// A classic script without dependencies, so it runs from disk, from a server and in JupyterLab.
// It stands before the script that uses it; every figure brings its own copy.
(function () {
  "use strict";

  function make(tag, attributes, parent, text) {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    if (text) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }

  // A slider that calls `moved` with its new value. Returns a function that shows a value on it,
  // and a text for that value. `name` is read out, `label` is seen.
  function addSlider(parent, {label, name = label, min = 0, max, step = 1}, moved) {
    const row = make("label", {"class": "vgan-slider"}, parent);
    make("span", {"aria-hidden": "true"}, row, label);
    const input = make("input", {type: "range", "aria-label": name, min, max, step}, row);
    const seen = make("span", {"class": "vgan-value", "aria-hidden": "true"}, row);
    input.addEventListener("input", () => moved(Number(input.value)));
    return (value, text) => {
      input.value = value;
      input.setAttribute("aria-valuetext", text);
      seen.textContent = text;
    };
  }

  // A button that plays and pauses: `step` runs `fps` times a second while the canvas is on the
  // screen. Where motion is unwelcome it starts paused. Returns a function that pauses.
  function addPlayButton(parent, canvas, {fps, autoplay, step}) {
    const button = make("button", {type: "button"}, parent);
    const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
    let playing = false, visible = true, timer = null;

    function tick() {
      if (!canvas.isConnected) return clearInterval(timer);  // the cell was run again
      step();
    }

    function play(on) {
      playing = on;
      button.setAttribute("aria-label", on ? "Pause" : "Play");
      button.dataset.state = on ? "playing" : "paused";
      clearInterval(timer);
      timer = on && visible ? setInterval(tick, 1000 / fps) : null;
    }

    button.addEventListener("click", () => play(!playing));
    reduced.addEventListener("change", () => { if (reduced.matches) play(false); });
    new IntersectionObserver(seen => {
      visible = seen[seen.length - 1].isIntersecting;
      play(playing);
    }).observe(canvas);
    play(autoplay && !reduced.matches);
    return () => play(false);
  }

  globalThis.vganControls = {make, addSlider, addPlayButton};
})();
