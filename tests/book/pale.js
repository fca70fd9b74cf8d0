// Text whose contrast with what lies behind it is below 4.5 (WCAG 2, level AA).
() => {
  const channels = colour => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = rgb => rgb.slice(0, 3).map(v => v / 255).map(
    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  ).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const rgb = channels(getComputedStyle(node).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const places = "article p, article li, article figcaption, article .admonition-title, h1, h2, h3";
  const faults = new Set();
  for (const node of document.querySelectorAll(places)) {
    if (!node.textContent.trim() || !node.offsetParent) continue;
    const style = getComputedStyle(node), back = behind(node);
    const fore = channels(style.color).map((v, i) => v * style.opacity + back[i] * (1 - style.opacity));
    const [low, high] = [light(fore), light(back)].sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) < 4.5)
      faults.add("pale text: " + node.tagName + "." + node.className + " " + style.color);
  }
  return [...faults];
}
