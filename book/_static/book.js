// Two things that the vendored widgets expect of a page and this theme does differently.

// The buttons of the Play widget throw unless the theme's Font Awesome draws icons inside them.
window.FontAwesomeConfig = {autoReplaceSvg: "nest"};

// Widgets ask for mathematics by the way of MathJax 2; the pages load MathJax 3.
document.addEventListener("DOMContentLoaded", function () {
  if (!window.MathJax || !window.MathJax.startup) return;
  window.MathJax.Hub = {
    Queue: function (job) {
      window.MathJax.startup.promise.then(function () {
        return window.MathJax.typesetPromise([job[2]]);
      });
    },
  };
});
