// Elements, made and looked up. Text always goes in as text, never as HTML: names of clips and
// messages come from outside.

const SVG = "http://www.w3.org/2000/svg";

/** Return the element of this page with an id. */
export const byId = (id) => document.getElementById(id);

/** Return a new element: `h("p", { class: "small", onclick: f }, "text", child)`. */
export function h(tag, properties = {}, ...children) {
  return furnish(document.createElement(tag), properties, children);
}

/** Return a new element of SVG. */
export function svg(tag, properties = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), properties, children);
}

function furnish(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return the head of a table: a column a name. */
export const tableHead = (names) =>
  h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));

/** Say something to a screen reader, without moving the focus. */
export function announce(text) {
  byId("status").textContent = text;
}
