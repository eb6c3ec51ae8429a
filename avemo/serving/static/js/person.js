// Whom answers adapt to: neutral clips of a person, measured by the service and kept in this tab.

import { enrolNeutral, predict } from "./api.js";
import { announce, byId, h, tableHead } from "./dom.js";
import { finding, percent, sentence } from "./words.js";

const STATISTICS = "avemo.statistics";
/** of a version that was replaced: what was measured means something else to the next */
const OUTDATED = ["other-space", "no-adaptation", "statistics"];

export class Person {
  /**
   * @param {RecorderDialog} recorder
   * @param {() => void} onChange is called when another person, or none, is known
   */
  constructor(recorder, onChange) {
    this.onChange = onChange;
    this.text = sessionStorage.getItem(STATISTICS) ?? "";
    const input = byId("neutral-files");
    input.addEventListener("change", () => {
      this.add([...input.files]);
      input.value = ""; // the same file may be chosen again
    });
    byId("neutral-record").addEventListener("click", () =>
      recorder.open((file) => this.add([file])));
    byId("person-forget").addEventListener("click", () => this.forget());
  }

  /** Show the card, if the version adapts. */
  show(adapts) {
    byId("person").hidden = !adapts;
    this.draw();
  }

  /** Measure neutral clips, and know the person from them. */
  async add(clips) {
    if (!clips.length) return;
    const busy = [byId("neutral-files"), byId("neutral-record"), byId("person-forget")];
    busy.forEach((control) => { control.disabled = true; });
    byId("person-problem").textContent = "";
    byId("person-state").textContent = "Measuring…";
    try {
      const answer = await enrolNeutral(clips, this.text);
      this.keep(answer.statistics ? JSON.stringify(answer.statistics) : "");
      byId("person-clips").replaceChildren(...answer.clips.map((clip) =>
        h("li", {}, h("strong", {}, `${clip.file}: `), outcome(clip))));
      announce(byId("person-state").textContent);
    } catch (error) {
      this.explain(error);
    }
    busy.forEach((control) => { control.disabled = false; });
    this.draw();
  }

  forget() {
    this.keep("");
    byId("person-clips").replaceChildren();
    byId("person-problem").textContent = "";
    announce("The person is forgotten.");
  }

  keep(text) {
    this.text = text;
    if (text) sessionStorage.setItem(STATISTICS, text);
    else sessionStorage.removeItem(STATISTICS);
    this.draw();
    this.onChange();
  }

  /** Show a clip's probabilities without and with what is known of the person, side by side. */
  async compare(clip) {
    const { text } = this;
    const card = byId("comparison");
    if (!text || !clip.timeline.rows.length) {
      card.hidden = true;
      return;
    }
    if (clip.comparedTo === text) {
      if (clip.comparison) drawComparison(clip.comparison);
      return;
    }
    clip.comparedTo = text;
    clip.comparison = null;
    card.hidden = true;
    try {
      clip.unadapted ??= await predict(clip.file, "");
      const adapted = await predict(clip.file, text);
      clip.comparison = { unadapted: clip.unadapted, adapted };
    } catch (error) {
      clip.comparedTo = null;
      if (this.text === text) this.explain(error);
      return;
    }
    if (this.text === text) this.onChange();
  }

  explain(error) {
    if (OUTDATED.includes(error.code)) this.forget();
    byId("person-problem").textContent = sentence(error.message);
  }

  draw() {
    byId("person-forget").hidden = !this.text;
    byId("person-state").textContent = this.text ? state(JSON.parse(this.text)) : "";
  }
}

function state({ clips, neutral_clips: neutral }) {
  const count = clips === 1 ? "one clip" : `${clips} clips`;
  return `The person is known from ${count}${neutral === clips ? ", neutral" : ""}.`;
}

function outcome(clip) {
  if (clip.finding) return `${finding(clip.finding)}. ${sentence(clip.reason)}`;
  const sounds = clip.unsure ? "not sure" : `${clip.emotion}, ${percent(clip.probability)}`;
  const before = clip.adaptation ? `adapted to ${clip.adaptation}` : "unadapted";
  return `${clip.added ? "added" : "counted already"}. ${sentence(`${before}, it sounds: ${sounds}`)}`;
}

function drawComparison({ unadapted, adapted }) {
  byId("comparison").hidden = false;
  const wrong = adapted.finding || unadapted.finding;
  byId("comparison-text").textContent = wrong
    ? `${sentence(finding(wrong))} ${sentence(adapted.reason || unadapted.reason)}`
    : `Without: ${unadapted.unsure ? "not sure, " : ""}${unadapted.emotion}. With the `
      + `${adapted.adaptation || "person, unchanged"}: ${adapted.unsure ? "not sure, " : ""}`
      + `${adapted.emotion}. The timeline below is without.`;
  const emotions = wrong ? [] : Object.keys(unadapted.probabilities).sort();
  byId("comparison-table").replaceChildren(tableHead(["Emotion", "Without", "Adapted"]),
    h("tbody", {}, ...emotions.map((name) => h("tr", { "data-emotion": name },
      h("th", { scope: "row" }, name),
      cell(unadapted, name), cell(adapted, name)))));
  byId("comparison-table").hidden = !emotions.length;
}

function cell(prediction, emotion) {
  const share = prediction.probabilities[emotion];
  const fill = h("span", { class: "fill" });
  fill.style.width = `${share * 100}%`;
  const isLikeliest = prediction.emotion === emotion;
  return h("td", { class: isLikeliest ? "likeliest" : null },
    h("span", { class: "rail", "aria-hidden": "true" }, fill),
    h("span", { class: "figure" }, percent(share)));
}
