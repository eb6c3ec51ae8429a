// The list of clips: what each is waiting for, and the service's answers, one clip at a time.

import { ServiceError, stoppedError, streamTimeline } from "./api.js";
import { announce, byId, h } from "./dom.js";
import { Timeline } from "./timeline.js";
import { finding, moment, percent, problem } from "./words.js";

/** how often a busy service is asked again before its refusal is shown */
const TRIES = 6;

const COLUMNS = [
  { name: "Clip", value: (clip) => clip.name.toLowerCase() },
  { name: "Mostly", value: (clip) => clip.summary?.emotion ?? "" },
  { name: "Share of time", value: (clip) => clip.summary?.share ?? -1, isNumber: true },
  { name: "Not sure", value: (clip) => clip.summary?.unsure ?? -1, isNumber: true },
  { name: "Length", value: (clip) => clip.timeline.duration, isNumber: true },
  { name: "State", value: (clip) => clip.state },
];

/** A clip and what became of it. */
class Clip {
  constructor(file) {
    this.file = file;
    this.name = file.name;
    this.reset();
  }

  reset() {
    this.timeline = new Timeline();
    this.state = "waiting";
    this.sent = 0;
    this.error = null;
    /** see `Timeline.summary`; null before the end */
    this.summary = null;
    this.secondsLeft = 0;
    this.stopper = new AbortController();
  }

  get isOver() {
    return this.state === "done" || this.state === "failed";
  }

  /** What is happening to it, in words. */
  get progress() {
    if (this.secondsLeft) return `The service is busy. Trying again in ${this.secondsLeft} s`;
    if (this.state === "waiting") return "Waiting for the clip before it";
    if (this.sent < 1) return `Sending, ${percent(this.sent)}`;
    const { duration } = this.timeline;
    return duration ? `Read up to ${moment(duration, 0)}` : "Sent. Waiting for the first answer";
  }
}

export class Queue {
  /**
   * @param {{onSelect: (clip: Clip) => void, onChange: (clip: Clip) => void}} handlers
   */
  constructor({ onSelect, onChange }) {
    this.clips = [];
    this.selected = null;
    this.order = null;
    this.isRunning = false;
    this.timer = null;
    this.onSelect = onSelect;
    this.onChange = onChange;
    this.makeHead();
  }

  add(files) {
    const clips = [...files].map((file) => new Clip(file));
    if (!clips.length) return;
    this.clips.push(...clips);
    this.select(clips[0]);
    this.run();
  }

  select(clip) {
    this.selected = clip;
    this.onSelect(clip);
    this.draw();
  }

  again(clip) {
    clip.reset();
    this.select(clip);
    this.run();
  }

  /** Give a clip up; one that waits is not sent at all. */
  stop(clip) {
    clip.stopper.abort();
    if (clip.state === "waiting") this.finish(clip, stoppedError());
  }

  /** Send the waiting clips, one after the other: whoever else uses the service gets a turn. */
  async run() {
    if (this.isRunning) return;
    this.isRunning = true;
    for (let clip = this.next(); clip; clip = this.next()) await this.process(clip);
    this.isRunning = false;
  }

  next() {
    return this.clips.find((clip) => clip.state === "waiting");
  }

  async process(clip) {
    clip.state = "working";
    announce(`${clip.name} is being sent.`);
    this.changed(clip);
    try {
      await this.send(clip, TRIES);
      const { error, end } = clip.timeline;
      if (error) throw new ServiceError(error.code, error.message, { requestId: error.request_id });
      if (!end) {
        throw new ServiceError("cut-short", "The connection broke off before the end of the "
          + "answer. What came before that stands here.");
      }
      this.finish(clip, null);
      announce(`${clip.name} is done.`);
    } catch (error) {
      this.finish(clip, error instanceof ServiceError ? error
        : new ServiceError("page", `The answer could not be understood: ${error.message}`));
    }
  }

  finish(clip, error) {
    clip.state = error ? "failed" : "done";
    clip.error = error;
    clip.summary = clip.timeline.summary();
    this.show(clip);
  }

  async send(clip, tries) {
    const handlers = {
      onUpload: (share) => { clip.sent = share; this.changed(clip); },
      onLine: (line) => { clip.sent = 1; clip.timeline.add(line); this.changed(clip); },
      signal: clip.stopper.signal,
    };
    try {
      await streamTimeline(clip.file, handlers);
    } catch (error) {
      if (!error.retryAfter || tries <= 1 || clip.stopper.signal.aborted) throw error;
      await this.waitFor(clip, Math.ceil(error.retryAfter));
      await this.send(clip, tries - 1);
    }
  }

  async waitFor(clip, seconds) {
    for (clip.secondsLeft = seconds; clip.secondsLeft > 0; clip.secondsLeft -= 1) {
      this.changed(clip);
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
      if (clip.stopper.signal.aborted) {
        clip.secondsLeft = 0;
        throw stoppedError();
      }
    }
    clip.sent = 0;
  }

  /** Show soon what has changed: rows may come by the hundred. */
  changed(clip) {
    this.timer ??= setTimeout(() => this.show(clip), 40);
  }

  show(clip) {
    clearTimeout(this.timer);
    this.timer = null;
    this.draw();
    if (clip === this.selected) this.onChange(clip);
  }

  makeHead() {
    const cells = COLUMNS.map((column) => {
      const sort = h("button", { type: "button", onclick: () => this.sort(column) }, column.name,
        h("span", { class: "arrow", "aria-hidden": "true" }));
      return h("th", { scope: "col", class: column.isNumber ? "number" : null }, sort);
    });
    document.querySelector("#clips thead tr").replaceChildren(...cells);
  }

  sort(column) {
    const isSame = this.order?.column === column;
    this.order = { column, direction: isSame ? -this.order.direction : 1 };
    this.draw();
  }

  draw() {
    byId("clips").hidden = this.clips.length < 2;
    const clips = [...this.clips];
    if (this.order) {
      const { column, direction } = this.order;
      const compare = (a, b) => (a < b ? -1 : Number(a > b));
      clips.sort((a, b) => direction * compare(column.value(a), column.value(b)));
    }
    document.querySelectorAll("#clips thead th").forEach((cell, index) => {
      const isSorted = this.order?.column === COLUMNS[index];
      if (!isSorted) cell.removeAttribute("aria-sort");
      else cell.setAttribute("aria-sort", this.order.direction > 0 ? "ascending" : "descending");
    });
    // a row is kept, and moved only where the order is another: the focus stays where it is
    const body = document.querySelector("#clips tbody");
    clips.forEach((clip, place) => {
      const row = (clip.row ??= this.makeRow(clip));
      if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
      this.fillRow(clip, row);
    });
  }

  makeRow(clip) {
    const open = h("button", { type: "button", class: "open", onclick: () => this.select(clip) },
      clip.name);
    return h("tr", {}, h("th", { scope: "row" }, open),
      ...COLUMNS.slice(1).map(({ isNumber }) => h("td", { class: isNumber ? "number" : null })));
  }

  fillRow(clip, row) {
    const { summary } = clip;
    const isSelected = clip === this.selected;
    row.className = isSelected ? "selected" : "";
    if (isSelected) row.querySelector("button").setAttribute("aria-current", "true");
    else row.querySelector("button").removeAttribute("aria-current");
    const states = { done: "done", failed: problem(clip.error?.code).toLowerCase() };
    const cells = [
      summary?.emotion || (summary?.answered ? "not sure" : finding(summary?.finding || "–")),
      summary?.answered ? percent(summary.share) : "–",
      summary?.answered ? percent(summary.unsure) : "–",
      clip.timeline.duration ? moment(clip.timeline.duration) : "–",
      states[clip.state] ?? clip.progress.toLowerCase(),
    ];
    [...row.children].slice(1).forEach((cell, i) => {
      if (cell.textContent !== cells[i]) cell.textContent = cells[i];
    });
    row.children[1].dataset.emotion = summary?.emotion ?? "";
    row.lastChild.className = clip.state === "failed" ? "bad" : "";
  }
}
