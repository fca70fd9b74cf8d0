// What is wrong with the page once it has settled; run by browser.py.
async () => {
  const faults = [];
  const pictures = [...document.images];
  pictures.forEach(picture => { picture.loading = "eager"; });
  await Promise.all(pictures.map(picture => picture.decode().catch(() => null)));
  for (const picture of pictures) {
    const name = (picture.getAttribute("src") || "").slice(0, 80);
    if (!picture.naturalWidth) faults.push("missing image: " + name);
    if (!(picture.getAttribute("alt") || "").trim()) faults.push("no alternative text: " + name);
  }
  for (const drawing of document.querySelectorAll("canvas, svg[role=img]:not([aria-hidden=true])")) {
    const title = drawing.getAttribute("aria-label") || drawing.querySelector("title")?.textContent;
    if (!(title || "").trim()) faults.push("no alternative text: " + drawing.outerHTML.slice(0, 80));
  }
  for (const formula of document.querySelectorAll(".math")) {
    if (!formula.querySelector("mjx-container") || formula.querySelector("mjx-merror"))
      faults.push("unrendered mathematics: " + formula.textContent.slice(0, 80));
  }
  const text = (document.querySelector("article") || document.body).cloneNode(true);
  text.querySelectorAll("pre, code, script, style, .math").forEach(node => node.remove());
  const raw = text.textContent.match(/\$\$|\\\(|\\begin\{|\\frac/);
  if (raw) faults.push("unrendered mathematics: " + raw[0]);
  for (const figure of document.querySelectorAll("figure[data-vgan]")) {
    const canvas = figure.querySelector("canvas");
    const seen = canvas && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    if (!seen || !seen.data.some(value => value)) faults.push("a player shows nothing: " + figure.id);
  }
  for (const live of document.querySelectorAll(".vgan-live:not([data-ready])"))
    faults.push("a live generator did not start: " + live.closest("figure")?.id);
  const views = document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]');
  for (const view of views) {
    if (!view.parentElement.querySelector(".jupyter-widgets, .widget-output, .jp-OutputArea"))
      faults.push("a widget shows nothing");
  }
  for (const link of document.querySelectorAll("a[href^='#']")) {
    const name = decodeURIComponent(link.getAttribute("href").slice(1));
    if (name && !document.getElementById(name)) faults.push("a link leads nowhere: #" + name);
  }
  return faults;
}
