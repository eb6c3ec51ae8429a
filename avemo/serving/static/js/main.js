// The page that answers for clips: its parts, put together.

import { exportTimeline } from "./api.js";
import { Correction } from "./correction.js";
import { announce, byId, h } from "./dom.js";
import { LanesView } from "./lanes.js";
import { showModel } from "./model.js";
import { makeBars, showNow } from "./now.js";
import { Person } from "./person.js";
import { Player } from "./player.js";
import { Queue } from "./queue.js";
import { RecorderDialog } from "./recorder.js";
import { fillTable, showFindings, summarise } from "./report.js";
import { advice, problem, sentence, size } from "./words.js";

const EXPORTS = [
  { format: "csv", name: "CSV", suffix: ".csv", hint: "spreadsheets, R" },
  { format: "parquet", name: "Parquet", suffix: ".parquet", hint: "pandas, audformat" },
  { format: "json", name: "JSON", suffix: ".json", hint: "any program" },
  { format: "ndjson", name: "NDJSON", suffix: ".ndjson", hint: "a line a row" },
  { format: "vtt", name: "WebVTT", suffix: ".vtt", hint: "metadata for pages" },
  { format: "chapters", name: "WebVTT chapters", suffix: ".chapters.vtt", hint: "video players" },
  { format: "elan", name: "ELAN", suffix: ".eaf", hint: "annotation" },
  { format: "textgrid", name: "TextGrid", suffix: ".TextGrid", hint: "Praat" },
];

let shown = null;
let laneKey = null;
let lastTime = 0;
/** that the page says answers; a registry's alias may move while it is open */
let version = null;

const player = new Player((time) => {
  lastTime = time;
  lanesView.move(time);
  if (shown) showNow(shown.timeline, currentLane(), time);
});
const lanesView = new LanesView(player);
const queue = new Queue({ onSelect: show, onChange: refresh });

lanesView.onLane = selectLane;
player.onReady = () => shown && refresh(shown);
const recorder = new RecorderDialog();
byId("record-open").addEventListener("click", () => recorder.open((file) => queue.add([file])));
const person = new Person(recorder, () => shown && refresh(shown));
const correction = new Correction();
listen();
askWhoAnswers();

async function askWhoAnswers() {
  const model = await showModel();
  version = model?.version ?? null;
  person.show(Boolean(model?.adapts));
  recorder.recordDays = model?.record_days ?? null;
  // a service that is starting knows it soon
  if (!model) setTimeout(askWhoAnswers, 10000);
}

function noticeVersion(head) {
  if (!version || !head?.model || String(head.model.version) === String(version)) return;
  version = head.model.version;
  askWhoAnswers();
}

function answeredBy(head) {
  if (!head?.model) return "";
  return `Answered by ${head.model.name} version ${head.model.version}, `
    + `in windows of ${head.window} s every ${head.hop} s.`;
}

function listen() {
  const input = byId("files");
  input.addEventListener("change", () => {
    queue.add(input.files);
    input.value = ""; // the same file may be chosen again
  });
  const drop = byId("drop");
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    drop.classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", () => mark(1));
  document.addEventListener("dragleave", () => mark(-1));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    queue.add(event.dataTransfer.files);
  });
  byId("stop").addEventListener("click", () => queue.stop(shown));
  byId("lane").addEventListener("change", (event) => selectLane(event.target.value));
  byId("table-details").addEventListener("toggle", () => shown && fillTable(shown.timeline));
  byId("exports").replaceChildren(...EXPORTS.map((entry) =>
    h("button", { type: "button", class: "button export", "data-format": entry.format,
      onclick: (event) => save(entry, event.currentTarget) },
    h("span", {}, entry.name), h("span", { class: "hint" }, entry.hint))));
}

/** Bring a clip of the list up. */
function show(clip) {
  shown = clip;
  laneKey = null;
  lastTime = 0;
  document.body.classList.add("has-clips");
  byId("result").hidden = false;
  byId("clip-name").textContent = clip.name;
  player.load(clip.file, clip.timeline);
  refresh(clip);
}

/** Show what has come of the clip since. */
function refresh(clip) {
  const { timeline } = clip;
  const hasRows = timeline.rows.length > 0;
  player.timeline = timeline;
  showProgress(clip);
  showProblem(clip);
  if (clip.isOver) person.compare(clip);
  else byId("comparison").hidden = true;
  byId("summary").textContent = clip.isOver && hasRows ? summarise(clip.summary) : "";
  byId("answered-by").textContent = answeredBy(timeline.head);
  if (clip.isOver) noticeVersion(timeline.head);
  byId("view").hidden = clip.state === "failed" && !hasRows;
  byId("timeline-card").hidden = !hasRows;
  byId("exports-card").hidden = !(clip.isOver && hasRows);
  correction.show(clip);
  if (hasRows) makeBars(timeline.emotions);
  showLanes(timeline.lanes);
  lanesView.show(timeline, currentLane(), Math.max(timeline.duration, player.duration ?? 0));
  player.tell(lastTime);
  if (byId("table-details").open && clip.isOver) fillTable(timeline);
  if (clip.isOver) showFindings(timeline);
  else byId("findings-card").hidden = true;
  if (clip.state === "done" && hasRows) offerTracks(clip);
}

function currentLane() {
  const lanes = shown?.timeline.lanes ?? [];
  return lanes.find((lane) => lane.key === laneKey) ?? lanes[0] ?? null;
}

function selectLane(key) {
  laneKey = key;
  refresh(shown);
}

function showLanes(lanes) {
  byId("lane-choice").hidden = lanes.length < 2;
  const select = byId("lane");
  if (select.options.length !== lanes.length)
    select.replaceChildren(...lanes.map((lane) => h("option", { value: lane.key }, lane.name)));
  select.value = currentLane()?.key ?? "";
}

function showProgress(clip) {
  byId("working").hidden = clip.isOver;
  if (clip.isOver) return;
  const bar = byId("progress");
  const { duration } = clip.timeline;
  const share = clip.sent < 1 ? clip.sent : player.duration && duration / player.duration;
  if (share && !clip.secondsLeft) bar.value = Math.min(share, 1);
  else bar.removeAttribute("value");
  byId("progress-text").textContent = clip.progress;
}

function showProblem(clip) {
  const box = byId("problem");
  const { error } = clip;
  if (box.hidden === !error && box.clip === clip && box.error === error) return;
  Object.assign(box, { clip, error, hidden: !error });
  box.replaceChildren(...(error ? [
    h("h3", {}, `${problem(error.code)}.`),
    h("p", {}, sentence(error.message), " ", advice(error.code)),
    h("p", { class: "small quiet" }, `${clip.name}, ${size(clip.file.size)}.`
      + (error.requestId ? ` Request ${error.requestId}, should you ask whoever runs the service.` : "")),
    h("button", { type: "button", class: "button", onclick: () => queue.again(clip) }, "Try again"),
  ] : []));
}

/** Give the player its cues, once for each time that the clip is brought up. */
async function offerTracks(clip) {
  const address = player.address;
  if (clip.tracksFor === address) return;
  clip.tracksFor = address;
  for (const [format, kind, label] of [["vtt", "metadata", "avemo"],
    ["chapters", "chapters", "Emotions"]]) {
    try {
      const blob = await exportTimeline(format, clip.timeline.named(clip.name));
      if (player.address === address) player.addTrack(kind, label, blob);
    } catch {
      return; // the page shows all of it anyway, and a button to save it says what is wrong
    }
  }
}

async function save(entry, button) {
  const clip = shown;
  button.disabled = true;
  try {
    const blob = await exportTimeline(entry.format, clip.timeline.named(clip.name));
    const address = URL.createObjectURL(blob);
    const stem = clip.name.replace(/\.[^.]+$/, "");
    h("a", { href: address, download: stem + entry.suffix }).click();
    // a browser may still be reading it when click() returns
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    announce(`${entry.name} is saved.`);
    byId("export-problem").textContent = "";
  } catch (error) {
    byId("export-problem").textContent = `${entry.name} is not saved. ${sentence(error.message)}`;
  }
  button.disabled = false;
}
