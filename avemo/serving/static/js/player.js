// The clip, with the faces' boxes and their emotions drawn over it.

import { byId } from "./dom.js";
import { finding, percent } from "./words.js";

export class Player {
  /** @param {(seconds: number) => void} onTime called as often as the moment changes */
  constructor(onTime) {
    this.video = byId("video");
    this.canvas = byId("overlay");
    this.onTime = onTime;
    this.timeline = null;
    this.address = null;
    /** where the cursor is, for a clip that the browser cannot play */
    this.ownTime = 0;
    this.isPlayable = false;
    this.listen();
  }

  listen() {
    const { video } = this;
    const tell = () => this.tell(video.currentTime);
    for (const name of ["timeupdate", "seeking", "seeked", "loadeddata"])
      video.addEventListener(name, tell);
    video.addEventListener("loadedmetadata", () => this.ready());
    video.addEventListener("error", () => this.refuse());
    new ResizeObserver(() => this.drawBoxes(this.time)).observe(video);
    if (!video.requestVideoFrameCallback) return;
    const onFrame = (_now, frame) => {
      // a browser tells the time of the frame that it shows; currentTime runs ahead of that
      if (!video.paused) this.tell(frame.mediaTime);
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  }

  /** Show a clip from its beginning. */
  load(clip, timeline) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.timeline = timeline;
    this.ownTime = 0;
    this.isPlayable = true;
    this.isMeasuring = false;
    byId("unplayable").hidden = true;
    byId("stage").className = "stage";
    this.video.hidden = false;
    this.video.replaceChildren();
    this.address = URL.createObjectURL(clip);
    this.video.src = this.address;
  }

  ready() {
    const { video } = this;
    const { videoWidth: width, videoHeight: height } = video;
    const stage = byId("stage");
    stage.className = width ? "stage" : "stage sound";
    // the element is as large as its picture, so that a box needs no allowance for black bars
    stage.style.setProperty("--ratio", width ? width / height : "");
    if (video.duration === Infinity) {
      // a recording of a browser does not say how long it is; a seek to its end finds that out
      this.isMeasuring = true;
      video.addEventListener("durationchange", () => {
        this.isMeasuring = false;
        video.currentTime = 0;
        this.onReady?.();
      }, { once: true });
      video.currentTime = 1e7;
    }
    this.onReady?.();
  }

  refuse() {
    if (!this.video.getAttribute("src")) return;
    this.isPlayable = false;
    this.video.hidden = true;
    byId("stage").className = "stage unplayed";
    byId("unplayable").hidden = false;
    byId("unplayable").textContent =
      "This browser cannot play the clip. Its timeline stands below all the same.";
    this.onReady?.();
  }

  /** Offer a timeline's cues to the player, and to whoever reads them from the page. */
  addTrack(kind, label, blob) {
    const track = document.createElement("track");
    Object.assign(track, { kind, label, srclang: "en", src: URL.createObjectURL(blob) });
    this.video.append(track);
    // a track of metadata is read as soon as somebody wants it
    track.track.mode = "hidden";
  }

  get isPlaying() {
    return this.isPlayable && !this.video.paused;
  }

  get time() {
    return this.isPlayable ? this.video.currentTime : this.ownTime;
  }

  /** In seconds; null while it is not known. */
  get duration() {
    return this.isPlayable && Number.isFinite(this.video.duration) ? this.video.duration : null;
  }

  seek(seconds) {
    const end = Math.max(this.timeline?.duration ?? 0, this.duration ?? 0);
    const target = Math.min(Math.max(seconds, 0), end);
    if (this.isPlayable) this.video.currentTime = target;
    this.ownTime = target;
    this.tell(target);
  }

  toggle() {
    if (!this.isPlayable) return;
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  tell(seconds) {
    if (this.isMeasuring) return;
    this.onTime(seconds);
    this.drawBoxes(seconds);
  }

  drawBoxes(seconds) {
    const { canvas, video } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [video.clientWidth, video.clientHeight];
    const context = canvas.getContext("2d");
    // a new size wipes the canvas and takes memory: it is set only where it is another
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== across) canvas.width = across;
    if (canvas.height !== down) canvas.height = down;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.timeline || !video.videoWidth || !this.isPlayable) return;
    for (const lane of this.timeline.lanes) {
      const row = lane.at(seconds);
      const box = lane.boxAt(seconds);
      if (row && box) drawBox(context, box, row, width, height);
    }
  }
}

function drawBox(context, box, row, width, height) {
  const [left, top, right, bottom] =
    [box[0] * width, box[1] * height, box[2] * width, box[3] * height];
  const colour = emotionColour(row.emotion);
  // a dark line under the light one: seen on a bright picture as on a dark one
  for (const [style, line] of [["rgba(0, 0, 0, 0.65)", 5], [colour, 2.5]]) {
    context.strokeStyle = style;
    context.lineWidth = line;
    context.setLineDash(row.unsure ? [8, 6] : []);
    context.beginPath();
    context.roundRect(left, top, right - left, bottom - top, 8);
    context.stroke();
  }
  const words = row.emotion
    ? `${row.unsure ? "not sure: " : ""}${row.emotion} ${percent(row.probability)}` : finding(row.finding);
  context.font = "600 14px system-ui, sans-serif";
  const long = context.measureText(words).width + 32;
  const x = Math.min(Math.max(left, 4), Math.max(4, width - long - 4));
  const y = top > 34 ? top - 32 : top + 6;
  context.setLineDash([]);
  context.fillStyle = "rgba(12, 16, 20, 0.82)";
  context.beginPath();
  context.roundRect(x, y, long, 26, 6);
  context.fill();
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x + 13, y + 13, 5, 0, 7);
  context.fill();
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(words, x + 24, y + 14);
}

/** Return an emotion's colour on dark ground, which the overlay is in either scheme. */
function emotionColour(emotion) {
  const style = getComputedStyle(document.documentElement);
  return style.getPropertyValue(`--${emotion}-on-dark`).trim() || "#fff";
}
