// Which version answers, how good it is, and what it is for and not for.

import { getJson } from "./api.js";
import { cardContent } from "./card.js";
import { colourClasses } from "./colours.js";
import { byId, h } from "./dom.js";
import { figureList, recalls } from "./figures.js";
import { whatIsKept } from "./recorder.js";
import { day, percent, sentence } from "./words.js";

/** Ask the service which version answers, and show it; null where it does not say. */
export async function showModel() {
  let model;
  try {
    model = await getJson("v1/model");
  } catch (error) {
    byId("model-body").replaceChildren(h("p", { class: "bad" },
      `The service does not say which version answers. ${sentence(error.message)}`));
    return null;
  }
  const chip = byId("model-chip");
  chip.textContent = `${model.name} ${model.version}`;
  chip.hidden = false;
  byId("synthetic").hidden = !model.synthetic;
  if (model.classes?.length) {
    byId("labels").textContent = enumerate(model.classes);
    colourClasses(model.classes);
  }
  if (model.record_days != null)
    byId("keeps").textContent = `It keeps ${whatIsKept(model.record_days)}.`;
  if (model.notice) byId("notice").textContent = model.notice;
  byId("model-body").replaceChildren(...body(model));
  return model;
}

function body(model) {
  const figures = model.figures ?? {};
  const alias = model.alias ? `, the registry's ${model.alias}` : "";
  const since = model.since ? ` It has answered since ${day(model.since)}.` : "";
  return [
    h("p", {}, h("strong", {}, `${model.name} version ${model.version}`), `${alias}.${since}`),
    model.purpose ? h("p", {}, h("strong", {}, "Used here for: "), model.purpose) : null,
    model.synthetic
      ? h("p", { class: "warning" }, "Trained on synthetic recordings: no figure says anything of people.")
      : null,
    figureList(figures),
    h("p", {}, promise(model.abstention)),
    model.synthetic ? null : h("p", { class: "small quiet" },
      "On recordings of actors that the model did not learn from, who play emotions in a studio. ",
      "Expect less elsewhere: with noise, in other languages, with several people in a clip."),
    ...Object.values(model.other_corpora ?? {}).map((text) => h("p", { class: "small" }, `${text}.`)),
    ...recalls(figures, model.classes ?? []),
    h("div", { class: "columns" },
      uses("Meant for", model.uses?.intended), uses("Not for", model.uses?.forbidden)),
    ...Object.entries(model.corpus_licences ?? {}).map(([corpus, licence]) =>
      h("p", { class: "small quiet" }, `Licence of the recordings of ${corpus}: ${sentence(licence)}`)),
    model.licences
      ? h("p", { class: "small quiet" }, `Licences of the weights inside: ${sentence(model.licences)}`)
      : null,
    model.card_html
      ? h("details", {}, h("summary", {}, "The whole model card"),
        h("div", { class: "card-text" }, ...cardContent(model.card_html, 3)))
      : null,
  ].filter(Boolean);
}

/** Return when the model says that it is not sure, and what that is worth. */
function promise(abstention) {
  if (!abstention) return "This version has no threshold for “not sure”: it answers every clip.";
  const { coverage, accuracy_low: low, confidence, accuracy } = abstention;
  const right = Number.isFinite(low)
    // rounded down, as a promise must be
    ? `right in at least ${Math.floor(low * 100)}\u00a0% of them (${percent(confidence)} bound over actors)`
    : `right in ${percent(accuracy)} of them`;
  const target = abstention.reached === false
    ? ` The aim was ${percent(abstention.target)} right; no threshold reaches it.` : "";
  return `It is sure of ${percent(coverage)} of clips, and ${right}. `
    + "The others are marked “not sure”." + target;
}

function uses(title, items) {
  if (!items?.length) return null;
  return h("div", {}, h("h3", {}, title), h("ul", {}, ...items.map((text) => h("li", {}, text))));
}

/** Return names as a sentence has them: `a, b or c`. */
function enumerate(names) {
  return `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}
