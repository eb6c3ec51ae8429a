// A bar for an emotion: its name, how far it reaches, the figure beside it.

import { h } from "./dom.js";

/** Return a bar's list item, and its parts that change. */
export function emotionBar(emotion) {
  const fill = h("span", { class: "fill" });
  const figure = h("span", { class: "figure" });
  const item = h("li", { "data-emotion": emotion }, h("span", { class: "name" }, emotion),
    h("span", { class: "rail" }, fill), figure);
  return { item, fill, figure };
}
