// Recording from camera and microphone. Nothing opens before the user has accepted the notice, and
// nothing leaves the browser before the user has seen the recording.

import { byId, h } from "./dom.js";
import { moment } from "./words.js";

const TYPES = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const SOUND_TYPES = ["audio/webm;codecs=opus", "audio/webm", "audio/mp4"];

const REFUSALS = {
  NotAllowedError: "The browser was told not to open the camera or the microphone. Allow it in the "
    + "browser's settings for this page, and try again.",
  NotFoundError: "This machine has no such camera or microphone.",
  NotReadableError: "Another program is using the camera or the microphone.",
};

/** Return what the service keeps of a clip. */
export const whatIsKept = (days) => (days === null ? "nothing"
  : `its answer for ${days === 1 ? "a day" : `${days} days`}, with the clip's checksum, and no clip`);

export class RecorderDialog {
  constructor() {
    this.onRecording = null;
    /** how long the service keeps its answers; null where it keeps none */
    this.recordDays = null;
    this.dialog = byId("record");
    this.body = byId("record-body");
    this.stream = null;
    this.count = 0;
    this.dialog.addEventListener("close", () => this.shutDown());
  }

  /** @param {(file: File) => void} onRecording */
  open(onRecording) {
    this.onRecording = onRecording;
    this.showNotice();
    this.dialog.showModal();
  }

  showNotice() {
    if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) {
      this.show(h("p", {}, "This browser opens no camera here: it does so on https addresses and on "
        + "this machine's own alone. Please choose a file instead."));
      return;
    }
    const start = (wantsPicture) => () => this.startCamera(wantsPicture);
    this.show(
      h("ul", { class: "plain-list" },
        h("li", {}, h("strong", {}, "What is done: "), "picture and sound are recorded in this "
          + "browser. You see the recording first; only when you choose to use it is it sent to this "
          + `service, which answers and keeps ${whatIsKept(this.recordDays)}.`),
        h("li", {}, h("strong", {}, "What comes out: "), "which of a few acted expressions face and "
          + "voice show. Not what you feel, and no diagnosis."),
        h("li", {}, h("strong", {}, "What it is not for: "), "deciding about anybody at work, in "
          + "education or in hiring (EU AI Act, Art. 5(1)(f))."),
        h("li", {}, h("strong", {}, "Others in the picture "), "must be told and agree "
          + "(Art. 50(3)).")),
      h("p", {}, "By opening the camera or the microphone you accept this."),
      h("div", { class: "actions" },
        h("button", { class: "button primary", id: "accept-camera", onclick: start(true) },
          "Accept and open the camera"),
        h("button", { class: "button", id: "accept-microphone", onclick: start(false) },
          "Accept, microphone only")),
    );
  }

  async startCamera(wantsPicture) {
    this.show(h("p", {}, "Please allow it in the browser's question…"));
    const video = wantsPicture ? { width: { ideal: 1280 }, height: { ideal: 720 } } : false;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video });
      if (!this.dialog.open) stream.getTracks().forEach((track) => track.stop());
      else this.showLive(stream, wantsPicture);
    } catch (error) {
      this.show(h("p", { class: "bad", role: "alert" }, REFUSALS[error.name] ?? error.message),
        h("div", { class: "actions" },
          h("button", { class: "button", onclick: () => this.showNotice() }, "Back")));
    }
  }

  showLive(stream, hasPicture) {
    this.stream = stream;
    const record = h("button", { class: "button primary record", id: "record-start" }, "Record");
    const clock = h("span", { class: "clock", role: "timer" }, moment(0));
    record.addEventListener("click", () => {
      if (this.recorder) this.recorder.stop();
      else this.startRecording(record, clock, hasPicture);
    });
    const preview = hasPicture
      ? h("video", { class: "preview mirrored", autoplay: true, muted: true, playsinline: true,
        "aria-label": "What the camera sees" })
      : h("p", {}, "The microphone is open.");
    if (hasPicture) {
      preview.muted = true; // the attribute alone counts for elements of the page's own HTML only
      preview.srcObject = stream;
    }
    this.show(preview, h("div", { class: "actions" }, record, clock));
    record.focus();
  }

  startRecording(button, clock, hasPicture) {
    const type = (hasPicture ? TYPES : SOUND_TYPES).find((name) => MediaRecorder.isTypeSupported(name));
    const chunks = [];
    const recorder = new MediaRecorder(this.stream, type ? { mimeType: type } : {});
    this.recorder = recorder;
    const begin = performance.now();
    this.timer = setInterval(() => {
      clock.textContent = moment((performance.now() - begin) / 1000);
    }, 100);
    recorder.ondataavailable = (event) => chunks.push(event.data);
    recorder.onstop = () => {
      const isWanted = this.recorder === recorder;
      this.shutDown();
      if (isWanted) this.review(new Blob(chunks, { type: recorder.mimeType }), hasPicture);
    };
    recorder.start(1000);
    button.textContent = "Stop";
    button.classList.add("on");
  }

  review(blob, hasPicture) {
    const address = URL.createObjectURL(blob);
    const use = () => {
      this.count += 1;
      const suffix = blob.type.includes("mp4") ? "mp4" : "webm";
      const name = `recording ${this.count}.${suffix}`;
      // without the codecs: they are for the browser, and a service looks for itself
      const file = new File([blob], name, { type: blob.type.split(";")[0] });
      file.isNoticeAccepted = true;
      this.dialog.close();
      this.onRecording(file);
    };
    const again = () => this.startCamera(hasPicture);
    const player = h("video", { class: "preview", controls: true, src: address, playsinline: true,
      "aria-label": "Your recording" });
    const useButton = h("button", { class: "button primary", id: "record-use", onclick: use },
      "Use this recording");
    this.dialog.addEventListener("close", () => URL.revokeObjectURL(address), { once: true });
    this.show(player, h("div", { class: "actions" }, useButton,
      h("button", { class: "button", onclick: again }, "Record again")));
    useButton.focus();
  }

  show(...elements) {
    this.body.replaceChildren(...elements);
  }

  /** Close camera and microphone, and forget what is being recorded. */
  shutDown() {
    clearInterval(this.timer);
    const { recorder } = this;
    this.recorder = null;
    if (recorder && recorder.state !== "inactive") recorder.stop();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
  }
}
