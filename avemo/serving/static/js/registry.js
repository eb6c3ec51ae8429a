// The page of the registry: the served model's versions by the part they play, the gate's table, how
// it came to that, and each version's card.

import { getJson, getText } from "./api.js";
import { cardContent } from "./card.js";
import { announce, byId, h, tableHead } from "./dom.js";
import { figureList } from "./figures.js";
import { day, sentence } from "./words.js";

const ROLES = {
  champion: "answers now",
  candidate: "asks to become champion",
  previous: "answered before; a rollback returns to it",
};
const MOVES = { register: "Registered", promote: "Promoted", rollback: "Rolled back", outside: "Moved outside avemo" };

showRegistry();

async function showRegistry() {
  const place = byId("model");
  try {
    const model = await getJson("v1/registry");
    place.replaceChildren(...content(model).filter(Boolean));
    announce(`${model.name} has ${model.versions.length} versions.`);
  } catch (error) {
    place.replaceChildren(h("div", { class: "problem", role: "alert" },
      h("h2", {}, "The registry cannot be shown"), h("p", {}, sentence(error.message))));
  }
}

function content(model) {
  const { versions } = model;
  const find = (number) => versions.find((version) => version.version === number);
  // without a candidate, the table that let the champion in is the one to show
  const checked = find(model.candidate) ?? find(model.champion);
  return [
    h("h2", {}, model.name),
    model.stale
      ? h("p", { class: "warning" }, `As of ${day(model.as_of)}: the registry cannot be reached now. `
        + sentence(model.reason ?? ""))
      : null,
    h("div", { class: "roles" },
      ...Object.entries(ROLES).map(([alias, words]) => role(alias, words, find(model[alias])))),
    checked?.check ? gate(checked)
      : h("p", { class: "quiet" }, "The gate has compared no version yet: ",
        h("code", {}, "avemo registry check"), " does."),
    model.moves.length ? history(model.moves) : null,
    h("section", { class: "card" }, h("h2", {}, "Versions"), ...versions.map(cardOf)),
  ];
}

function role(alias, words, version) {
  if (!version) {
    return h("section", { class: "card role absent" },
      h("h3", {}, `No ${alias}`), h("p", { class: "small" }, "There is none at present."));
  }
  return h("section", { class: `card role ${alias}` },
    h("h3", {}, `Version ${version.version}`, badge(alias)),
    h("p", { class: "small quiet" }, `${sentence(words)} Registered ${day(version.created)}.`),
    version.synthetic
      ? h("p", { class: "small bad" }, "Trained on synthetic recordings: its figures mean nothing.")
      : null,
    figureList(testFigures(version.figures)),
    ...Object.values(version.other_corpora ?? {}).map((text) => h("p", { class: "small" }, `${text}.`)));
}

/** Return a run's figures on the test part under their own names. */
function testFigures(figures) {
  return Object.fromEntries(Object.entries(figures)
    .filter(([name]) => name.startsWith("test_"))
    .map(([name, value]) => [name.slice("test_".length), value]));
}

function gate({ version, check }) {
  const against = check.champion ? `, against version ${check.champion}` : "";
  const row = (rule) => h("tr", {}, h("th", { scope: "row" }, rule.rule),
    ...[rule.candidate, rule.champion, rule.limit].map((text) => h("td", {}, text || "–")),
    h("td", { class: `verdict-${rule.verdict.replaceAll(" ", "-")}` }, rule.verdict));
  return h("section", { class: "card" },
    h("h2", {}, `What the gate says of version ${version}${against}`),
    h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "The gate's table" },
      h("table", {}, tableHead(["Rule", "Candidate", "Champion", "Limit", "Verdict"]),
        h("tbody", {}, ...check.rules.map(row)))),
    h("p", { class: "small quiet" }, `Checked ${day(check.time)}.`));
}

function history(moves) {
  const newestFirst = [...moves].reverse();
  return h("section", { class: "card" }, h("h2", {}, "How it came to that"),
    h("ol", { class: "moves", role: "list" }, ...newestFirst.map((move) => {
      const to = move.target ? `version ${move.target}` : "no version";
      const from = move.source ? `, in place of version ${move.source}` : "";
      const state = move.state === "done" ? "" : ` (${move.state})`;
      return h("li", {},
        h("strong", {}, `${MOVES[move.kind] ?? move.kind}: ${to}${from}${state}`),
        h("div", { class: "when" }, [day(move.time), move.who].filter(Boolean).join(", ")),
        move.kind === "outside" && move.target ? h("div", {}, judgement(move.check)) : null,
        move.reason ? h("div", {}, move.reason) : null);
    })));
}

/** Return what the gate says of a version that became champion without it. */
function judgement(check) {
  if (!check) return "The gate has not judged it yet: avemo registry history does.";
  return check === "passed" ? "The gate passes it." : `The gate refuses it: ${check.replace(/^refused: /, "")}.`;
}

function cardOf(version) {
  const text = h("div", { class: "card-text" });
  const details = h("details", {}, h("summary", {}, `Version ${version.version}, ${day(version.created)} `,
    ...version.aliases.map(badge)), text);
  // a card is fetched when somebody wants to read it
  details.addEventListener("toggle", async () => {
    if (!details.open || text.childElementCount) return;
    try {
      text.replaceChildren(...cardContent(await getText(version.card.replace(/^\//, "")), 3));
    } catch (error) {
      text.replaceChildren(h("p", { class: "bad" }, sentence(error.message)));
    }
  });
  return details;
}

const badge = (alias) => h("span", { class: `badge ${alias}` }, alias);
