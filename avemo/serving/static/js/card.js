// A model card is a page of HTML from the registry. Its text and tables come into this page; scripts,
// styles, links and whatever else it might hold do not.

import { h } from "./dom.js";

const KEPT = new Set(["P", "UL", "OL", "LI", "STRONG", "EM", "CODE", "PRE", "BLOCKQUOTE", "TABLE",
  "THEAD", "TBODY", "TR", "TH", "TD", "BR"]);
const DROPPED = new Set(["SCRIPT", "STYLE", "IFRAME", "OBJECT", "EMBED", "IMG", "TITLE"]);

/** Return a card's content; its first heading is one of `level`. */
export function cardContent(html, level) {
  // the page's policy refuses styles even in a document that is only parsed, and complains of each
  const bare = html.replace(/<style[\s\S]*?<\/style>/g, "")
    .replaceAll(' style="text-align:right"', ' align="right"').replace(/ style="[^"]*"/g, "");
  const page = new DOMParser().parseFromString(bare, "text/html");
  return [...page.body.childNodes].flatMap((node) => copy(node, level));
}

function copy(node, level) {
  if (node.nodeType === Node.TEXT_NODE) return [node.textContent];
  if (node.nodeType !== Node.ELEMENT_NODE || DROPPED.has(node.tagName)) return [];
  const children = [...node.childNodes].flatMap((child) => copy(child, level));
  const heading = /^H([1-6])$/.exec(node.tagName);
  if (heading) return [h(`h${Math.min(Number(heading[1]) - 1 + level, 6)}`, {}, ...children)];
  if (!KEPT.has(node.tagName)) return children;
  if (node.tagName === "TABLE")
    return [h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Table" },
      h("table", {}, ...children))];
  const isNumber = node.getAttribute("align") === "right";
  return [h(node.tagName, { class: isNumber ? "number" : null,
    tabindex: node.tagName === "PRE" ? "0" : null }, ...children)];
}
