// The drawn timeline: stacked areas, a lane a face, a cursor that follows the clip and seeks in it.

import { byId, h, svg } from "./dom.js";
import { middle } from "./timeline.js";
import { finding, moment, percent } from "./words.js";

const STRIP = 24;
const AXIS = 22;
/** of the box that scrolls: room for the ring that shows the focus */
const PADDING = 3;
/** of the areas; with one lane alone there is room for more */
const AREA = 88;
const LONE_AREA = 128;
/** pixels of a row's column in the areas */
const NARROWEST = 3;
/** no wider, so that an hour's drawing stays within what a browser can paint */
const MAX_WIDTH = 16000;
/** seconds between two marks of the axis; the first that leaves them room is taken */
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

export class LanesView {
  /** @param {{seek: (seconds: number) => void, toggle: () => void, isPlaying: boolean}} player */
  constructor(player) {
    this.player = player;
    this.root = byId("timeline");
    this.scroll = this.root.parentElement;
    this.cursor = h("div", { class: "cursor" });
    this.zoom = 1;
    this.time = 0;
    this.duration = 0;
    this.timeline = null;
    this.lane = null;
    this.frame = 0;
    this.listen();
  }

  listen() {
    let isDragging = false;
    const seek = (event) => {
      const { left, width } = this.root.getBoundingClientRect();
      this.player.seek(((event.clientX - left) / width) * this.duration);
    };
    this.root.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.duration) return;
      isDragging = true;
      this.root.setPointerCapture(event.pointerId);
      const lane = event.target.closest("[data-lane]")?.dataset.lane;
      if (lane) this.onLane?.(lane);
      seek(event);
    });
    this.root.addEventListener("pointermove", (event) => isDragging && seek(event));
    for (const end of ["pointerup", "pointercancel"])
      this.root.addEventListener(end, () => { isDragging = false; });
    this.root.addEventListener("keydown", (event) => this.press(event));
    byId("zoom-in").addEventListener("click", () => this.setZoom(this.zoom * 2));
    byId("zoom-out").addEventListener("click", () => this.setZoom(this.zoom / 2));
    new ResizeObserver(() => this.redraw()).observe(this.scroll);
  }

  press(event) {
    const step = event.shiftKey ? 0.1 : 0.5;
    const targets = {
      ArrowRight: () => this.time + step,
      ArrowUp: () => this.time + step,
      ArrowLeft: () => this.time - step,
      ArrowDown: () => this.time - step,
      PageUp: () => this.change(1),
      PageDown: () => this.change(-1),
      Home: () => 0,
      End: () => this.duration,
    };
    if (event.key === " ") this.player.toggle();
    else if (targets[event.key]) this.player.seek(targets[event.key]());
    else return;
    event.preventDefault();
  }

  /** Return where the lane says something else for the next or the last time. */
  change(direction) {
    const starts = (this.lane?.runs() ?? []).map((run) => run.start);
    if (direction > 0) return starts.find((start) => start > this.time + 0.01) ?? this.duration;
    return starts.filter((start) => start < this.time - 0.01).pop() ?? 0;
  }

  show(timeline, lane, duration) {
    this.timeline = timeline;
    this.lane = lane;
    this.duration = duration;
    this.redraw();
  }

  setZoom(zoom) {
    this.zoom = Math.min(Math.max(zoom, 1), 64);
    this.redraw();
    this.follow();
  }

  /** Draw at the next frame: rows may come faster than a screen shows them. */
  redraw() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    if (!this.timeline) return;
    const room = this.scroll.clientWidth - 2 * PADDING;
    if (room <= 0) return;
    const width = Math.min(Math.round(room * this.zoom), Math.max(MAX_WIDTH, room));
    byId("zoom").hidden = this.duration < 20 && this.zoom === 1;
    byId("zoom-out").disabled = this.zoom === 1;
    byId("zoom-in").disabled = width >= MAX_WIDTH || this.zoom === 64;
    this.root.style.width = this.zoom === 1 ? "" : `${width}px`;
    this.x = (seconds) => (this.duration ? (seconds / this.duration) * width : 0);
    this.area = this.timeline.lanes.length > 1 ? AREA : LONE_AREA;
    const emotions = this.timeline.emotions;
    const lanes = this.timeline.lanes.map((lane) => this.drawLane(lane, emotions, width));
    this.root.replaceChildren(...lanes, this.drawAxis(width), this.cursor);
    this.root.setAttribute("aria-valuemax", this.duration.toFixed(1));
    this.move(this.time);
  }

  drawLane(lane, emotions, width) {
    const runs = lane.runs();
    const drawing = svg("svg", { width, height: STRIP + this.area });
    drawing.append(
      svg("rect", { class: "ground", y: STRIP, width, height: this.area }),
      ...stretches(lane.rows).flatMap((rows) => this.drawAreas(rows, emotions)),
      ...runs.flatMap((run) => this.drawRun(run)),
    );
    const isSelected = lane === this.lane && this.timeline.lanes.length > 1;
    return h("div", { class: isSelected ? "lane selected" : "lane", "data-lane": lane.key },
      h("p", { class: "lane-name" }, lane.name), drawing);
  }

  /** Return the bands of rows that follow each other, one an emotion, the first lowest. */
  drawAreas(stretch, emotions) {
    const { rows, isThinned } = thin(stretch, this.x(1));
    const points = [rows[0].start, ...rows.map(middle), rows[rows.length - 1].end].map(this.x);
    const columns = [rows[0], ...rows, rows[rows.length - 1]];
    let floor = columns.map(() => 0);
    return emotions.map((emotion) => {
      const top = columns.map((row, i) => floor[i] + (row.probabilities[emotion] ?? 0));
      const edge = (heights) => heights.map((share, i) => {
        const y = STRIP + this.area * (1 - Math.min(share, 1));
        return `${points[i].toFixed(2)} ${y.toFixed(2)}`;
      });
      const path = `M${edge(top).join("L")}L${edge(floor).reverse().join("L")}Z`;
      floor = top;
      return svg("path", { class: isThinned ? "band dense" : "band", "data-emotion": emotion, d: path });
    });
  }

  /** Return what lies over a run's areas, and the word above them. */
  drawRun(run) {
    const [left, right] = [this.x(run.start), this.x(run.end)];
    const width = Math.max(right - left, 0.5);
    const box = { x: left, y: STRIP, width, height: this.area };
    const shapes = [];
    if (!run.emotion) shapes.push(svg("rect", { ...box, fill: "url(#gap)" }));
    else if (run.unsure) shapes.push(svg("rect", { ...box, fill: "url(#unsure)" }));
    if (run.emotion) {
      shapes.push(svg("rect", { class: run.unsure ? "rule unsure" : "rule",
        "data-emotion": run.emotion, x: left + 1, y: STRIP - 5, height: 4,
        width: Math.max(width - 2, 0.5), rx: 2 }));
    }
    const word = runLabel(run, width);
    if (word) {
      const look = run.emotion && !run.unsure ? "word" : "word faint";
      shapes.push(svg("text", { class: look, x: left + 3, y: STRIP - 10 }, word));
    }
    return shapes;
  }

  drawAxis(width) {
    const drawing = svg("svg", { class: "axis", width, height: AXIS });
    const step = STEPS.find((seconds) => this.x(seconds) >= 80) ?? 7200;
    for (let i = 0; this.duration && i * step <= this.duration; i += 1) {
      const x = this.x(i * step);
      const anchor = i === 0 ? "start" : x > width - 24 ? "end" : "middle";
      drawing.append(
        svg("line", { x1: x, x2: x, y1: 0, y2: 5 }),
        svg("text", { x, y: 17, "text-anchor": anchor }, moment(i * step, step < 1 ? 1 : 0)),
      );
    }
    return drawing;
  }

  /** Put the cursor at a moment, and say what stands there. */
  move(time) {
    this.time = time;
    const share = this.duration ? Math.min(time / this.duration, 1) : 0;
    this.cursor.style.left = `${share * 100}%`;
    const row = this.lane?.at(time);
    // while the clip plays, a screen reader that stands here hears of a change, not of each frame
    if (!this.player.isPlaying || row !== this.spoken) {
      this.spoken = row;
      this.root.setAttribute("aria-valuenow", time.toFixed(1));
      this.root.setAttribute("aria-valuetext", describe(row, time));
    }
    if (this.zoom > 1) this.follow();
  }

  /** Scroll so that the cursor is in sight. */
  follow() {
    const x = this.x?.(this.time) ?? 0;
    const { scrollLeft, clientWidth } = this.scroll;
    if (x < scrollLeft || x > scrollLeft + clientWidth) this.scroll.scrollLeft = x - clientWidth / 4;
  }
}

/** Return what a lane says at a moment, in words. */
function describe(row, time) {
  const words = [moment(time)];
  if (row?.emotion) words.push(row.emotion, percent(row.probability));
  if (row?.unsure) words.push("not sure");
  if (row?.finding) words.push(finding(row.finding));
  return words.join(", ");
}

/** Return rows with an answer, in stretches without a gap. */
function stretches(rows) {
  const all = [];
  let last = null;
  for (const row of rows) {
    if (row.emotion && last?.emotion && last.end === row.start) all[all.length - 1].push(row);
    else if (row.emotion) all.push([row]);
    last = row;
  }
  return all;
}

/**
 * Return rows of at least the width that can be seen: where one would be narrower, the mean of
 * several stands for them.
 *
 * @param {number} scale pixels of a second
 */
function thin(rows, scale) {
  const width = scale * (rows[rows.length - 1].end - rows[0].start) / rows.length;
  const count = Math.ceil(NARROWEST / width);
  if (count <= 1) return { rows, isThinned: false };
  const means = [];
  for (let i = 0; i < rows.length; i += count) {
    const group = rows.slice(i, i + count);
    const probabilities = {};
    for (const row of group)
      for (const [name, share] of Object.entries(row.probabilities))
        probabilities[name] = (probabilities[name] ?? 0) + share / group.length;
    means.push({ start: group[0].start, end: group[group.length - 1].end, probabilities });
  }
  return { rows: means, isThinned: true };
}

/** Return the word over a run, as long as there is room for one. */
function runLabel(run, width) {
  const long = run.emotion ? (run.unsure ? `not sure: ${run.emotion}?` : run.emotion)
    : finding(run.finding || "nothing");
  const short = run.unsure ? `${run.emotion}?` : long;
  return [long, short, "?"].find((word, place) =>
    width > word.length * 7 + 8 && (place < 2 || run.unsure));
}
