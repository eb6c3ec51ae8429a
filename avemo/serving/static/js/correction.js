// What a person says the emotion is: only for answers that the service has recorded.

import { correctAnswer } from "./api.js";
import { announce, byId, h } from "./dom.js";
import { sentence } from "./words.js";

/** The form beside a recorded answer. */
export class Correction {
  constructor() {
    this.clip = null;
    this.timeline = null;
    byId("correction-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  /** Show the form for a clip, if its answer is recorded. */
  show(clip) {
    const { timeline } = clip;
    const isRecorded = Boolean(clip.isOver && timeline.end?.answer_id);
    byId("correction-card").hidden = !isRecorded;
    if (!isRecorded || this.timeline === timeline) return;
    Object.assign(this, { clip, timeline });
    byId("correction-emotion").replaceChildren(
      h("option", { value: "" }, "Choose…"),
      ...timeline.emotions.map((name) => h("option", { value: name }, name)));
    byId("correction-consent").checked = false;
    this.tell(clip.correction ?? "");
  }

  async send() {
    const { clip } = this;
    const emotion = byId("correction-emotion").value;
    const consent = byId("correction-consent").checked;
    byId("correction-send").disabled = true;
    try {
      await correctAnswer(clip.timeline.end.answer_id, emotion, consent);
      clip.correction = `Recorded: ${emotion}. Of several corrections, the last counts.`;
      if (this.clip === clip) this.tell(clip.correction);
      announce(clip.correction);
    } catch (error) {
      if (this.clip === clip) this.tell("", `It is not recorded. ${sentence(error.message)}`);
    }
    byId("correction-send").disabled = false;
  }

  tell(state, trouble = "") {
    byId("correction-state").textContent = state;
    byId("correction-problem").textContent = trouble;
  }
}
