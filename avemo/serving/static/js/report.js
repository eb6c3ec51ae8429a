// A clip's timeline in words: its table, and where there is nothing to tell.

import { byId, h, tableHead } from "./dom.js";
import { finding, moment, percent, sentence } from "./words.js";

/** so many lines of the table are read, and made, in a reasonable time */
const WHOLE = 600;
const MOST = 1500;

/**
 * Fill the table that stands for the drawing, for who cannot see it. Of a long clip, neighbours that
 * name the same emotion are a line together.
 */
export function fillTable(timeline) {
  const table = byId("table");
  // a table that is made anew loses the place of who reads it
  if (table.timeline === timeline && table.count === timeline.rows.length) return;
  Object.assign(table, { timeline, count: timeline.rows.length });
  const isLong = timeline.rows.length > WHOLE;
  const body = h("tbody");
  for (const lane of timeline.lanes) {
    for (const row of isLong ? lane.runs() : lane.rows) {
      if (body.childElementCount === MOST) break;
      const remarks = [row.unsure && "not sure", row.finding && finding(row.finding), row.reason];
      const cells = [moment(row.start), moment(row.end), row.emotion || "–",
        row.emotion && !isLong ? percent(row.probability) : "–", remarks.filter(Boolean).join("; ")];
      body.append(h("tr", {}, h("th", { scope: "row" }, lane.name),
        ...cells.map((text) => h("td", {}, text))));
    }
  }
  const note = isLong ? "Stretches with the same emotion are joined; CSV has every row"
    + (body.childElementCount === MOST ? `, and what comes after the first ${MOST}.` : ".") : "";
  table.replaceChildren(h("caption", {}, note),
    tableHead(["Lane", "From", "To", "Emotion", "Probability", "Remark"]), body);
}

/** how many stretches are listed; the table has the rest */
const LISTED = 12;

/** List the stretches without an answer, and how much the model was not sure of. */
export function showFindings(timeline) {
  const stretches = [];
  const unsure = [];
  for (const lane of timeline.lanes) {
    const who = timeline.lanes.length > 1 ? `${lane.name}: ` : "";
    const length = (rows) => rows.reduce((total, row) => total + row.end - row.start, 0);
    const share = length(lane.rows.filter((row) => row.unsure)) / length(lane.rows);
    if (share)
      unsure.push(item("not sure", `${who}in ${percent(share)} of the time, hatched above`, ""));
    for (const run of lane.runs().filter(({ emotion }) => !emotion))
      stretches.push({ who, ...run });
  }
  stretches.sort((a, b) => a.start - b.start);
  const items = stretches.slice(0, LISTED).map(({ who, start, end, finding: name, reason }) =>
    item(`${moment(start)} – ${moment(end)}`, who + finding(name), sentence(reason)));
  if (stretches.length > LISTED)
    items.push(item("", `and ${stretches.length - LISTED} more, see the timeline as a table`, ""));
  byId("findings-card").hidden = !items.length && !unsure.length;
  byId("findings").replaceChildren(...unsure, ...items);
}

function item(where, what, why) {
  return h("li", {}, h("span", { class: "quiet" }, where),
    h("span", {}, h("strong", {}, what), why ? ` ${why}` : ""));
}

/** Return a clip's answer, see `Timeline.summary`, in a sentence. */
export function summarise(summary) {
  if (!summary.answered) return `No emotion can be told in this clip: ${finding(summary.finding)}.`;
  if (!summary.emotion) return "The model is not sure of any part of this clip.";
  const unsure = summary.unsure ? `, not sure in ${percent(summary.unsure)}` : "";
  return `Mostly ${summary.emotion}, in ${percent(summary.share)} of the time${unsure}.`;
}
