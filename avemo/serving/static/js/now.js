// What stands at the cursor: the answer in words, its probabilities as bars, what it comes from.

import { emotionBar } from "./bars.js";
import { byId, h } from "./dom.js";
import { finding, moment, percent, sentence, source } from "./words.js";

const bars = new Map();

/** Make a bar for each emotion; it keeps its place, so that the eye follows it as the clip plays. */
export function makeBars(emotions) {
  if (emotions.every((name) => bars.has(name)) && emotions.length === bars.size) return;
  bars.clear();
  byId("bars").replaceChildren(...emotions.map((name) => {
    const bar = emotionBar(name);
    bars.set(name, bar);
    return bar.item;
  }));
}

/** Show what a lane says at a moment. */
export function showNow(timeline, lane, time) {
  const row = lane?.at(time);
  const who = timeline.lanes.length > 1 && lane ? `, ${lane.name}` : "";
  byId("now-title").textContent = `At ${moment(time)}${who}`;
  showVerdict(row);
  byId("remark").textContent = remark(row);
  byId("evidence").textContent = row?.emotion
    ? `From ${source(row.modality)} between ${moment(row.window_start)} and `
      + `${moment(row.window_end)}; something is heard in ${percent(row.voiced)} of it.`
      + (row.reason ? ` ${sentence(row.reason)}` : "")
    : "";
  for (const [name, { item, fill, figure }] of bars) {
    const share = row?.probabilities[name];
    fill.style.width = `${(share ?? 0) * 100}%`;
    figure.textContent = share === undefined ? "–" : percent(share);
    item.classList.toggle("likeliest", Boolean(row) && row.emotion === name);
  }
}

function showVerdict(row) {
  const verdict = byId("verdict");
  verdict.className = row?.emotion && !row.unsure ? "verdict" : "verdict faint";
  verdict.dataset.emotion = row?.emotion ?? "";
  if (!row) verdict.textContent = "…";
  else if (!row.emotion) verdict.textContent = finding(row.finding);
  else verdict.replaceChildren(row.unsure ? "not sure" : `${row.emotion} `,
    h("span", { class: "figure" }, row.unsure ? "" : percent(row.probability)));
}

function remark(row) {
  if (!row) return "No row of the timeline has come for this moment yet.";
  const parts = [];
  if (!row.emotion) parts.push(sentence(row.reason) || "There is nothing here to tell an emotion from.");
  if (row.unsure) parts.push(`Likeliest is ${row.emotion}, less certain than the model's threshold.`);
  if (row.emotions.length > 1) parts.push(`It may be any of: ${row.emotions.join(", ")}.`);
  if (row.speaking === true) parts.push("This face speaks.");
  if (row.speaking === false) parts.push("The voice is not this face's.");
  return parts.join(" ");
}
