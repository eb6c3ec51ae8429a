// Figures of a version, in words that say what they are of.

import { emotionBar } from "./bars.js";
import { h } from "./dom.js";
import { percent } from "./words.js";

const NAMES = {
  uar: "right, averaged over the emotions",
  accuracy: "of clips right",
};

/** Return a figure with its bounds, from a flat record such as `{uar, uar_low, uar_high}`. */
function interval(figures, name) {
  const [value, low, high] = ["", "_low", "_high"].map((end) => figures[name + end]);
  if (!Number.isFinite(value)) return null;
  const hasBounds = Number.isFinite(low) && Number.isFinite(high);
  return { value, bounds: hasBounds ? `${Math.round(low * 100)} to ${percent(high)}` : "" };
}

/** Return the best known figures of a version. */
export function figureList(figures) {
  const items = Object.entries(NAMES).map(([name, words]) => {
    const figure = interval(figures, name);
    return figure && h("div", {}, h("dt", {}, words),
      h("dd", {}, percent(figure.value), " ", h("span", { class: "bounds" }, figure.bounds)));
  }).filter(Boolean);
  return items.length ? h("dl", { class: "figures" }, ...items)
    : h("p", { class: "quiet" }, "No figures are recorded for this version.");
}

/** Return how well each emotion is recognised, as bars; nothing where that is not known. */
export function recalls(figures, emotions) {
  const known = emotions.filter((emotion) => interval(figures, `recall_${emotion}`));
  if (!known.length) return [];
  const bars = known.map((emotion) => {
    const { value, bounds } = interval(figures, `recall_${emotion}`);
    const { item, fill, figure } = emotionBar(emotion);
    fill.style.width = `${100 * value}%`;
    figure.append(percent(value), " ", h("span", { class: "bounds" }, bounds));
    return item;
  });
  return [h("h3", {}, "How many of each are recognised"), h("ul", { class: "bars recalls" }, ...bars)];
}
