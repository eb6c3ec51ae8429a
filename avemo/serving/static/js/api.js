// The service's HTTP interface, and its key.

import { announce, byId } from "./dom.js";

const KEY = "avemo.key";

/** Why the service gave no answer. */
export class ServiceError extends Error {
  constructor(code, message, { requestId = "", retryAfter = null } = {}) {
    super(message);
    this.code = code;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/** Return why a clip that the user gave up has no answer. */
export const stoppedError = () => new ServiceError("stopped", "You stopped it.");

/** Return the parsed answer to GET. */
export async function getJson(path) {
  return (await authorised(path, {})).json();
}

/** Return the answer to GET as text. */
export async function getText(path) {
  return (await authorised(path, {})).text();
}

/** Return the file that a timeline becomes in a format. */
export async function exportTimeline(format, lines) {
  const headers = { "Content-Type": "application/x-ndjson" };
  const body = lines.join("\n") + "\n";
  return (await authorised(`v1/export/${format}`, { method: "POST", headers, body })).blob();
}

/** Return the prediction for a whole clip, adapted to a person where statistics are given. */
export async function predict(clip, statistics) {
  const answer = await postForm("v1/predict", [clip], { statistics });
  return answer.predictions[0];
}

/** Return what neutral clips add to statistics, and what became of each clip. */
export async function enrolNeutral(clips, statistics) {
  return postForm("v1/enrol", clips, { statistics, neutral: "true" });
}

/** Say what the emotion is; `consent`: the clip may be used for training. */
export async function correctAnswer(id, emotion, consent) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ emotion, consent });
  await authorised(`v1/answers/${id}/correction`, { method: "POST", headers, body });
}

async function postForm(path, clips, fields) {
  const body = new FormData();
  Object.entries(fields).forEach(([name, value]) => value && body.append(name, value));
  clips.forEach((clip) => body.append("file", clip, clip.name));
  return (await authorised(path, { method: "POST", body })).json();
}

async function authorised(path, options) {
  for (;;) {
    let response;
    try {
      response = await fetch(path, { ...options, headers: { ...options.headers, ...keyHeader() } });
    } catch {
      throw unreachable();
    }
    if (response.ok) return response;
    const error = parseError(await response.text(), response.status, response.headers);
    if (response.status !== 401) throw error;
    await askForKey(error);
  }
}

/**
 * Send a clip, and hand over each line of its timeline as it comes.
 *
 * XMLHttpRequest and not fetch: it alone tells how much of a large clip has left the browser.
 *
 * @param {Blob} clip
 * @param {{onUpload: (share: number) => void, onLine: (line: string) => void,
 *   signal: AbortSignal}} handlers
 */
export async function streamTimeline(clip, handlers) {
  for (;;) {
    try {
      return await stream(clip, handlers);
    } catch (error) {
      if (error.code !== "unauthorized") throw error;
      await askForKey(error);
    }
  }
}

function stream(clip, { onUpload, onLine, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let read = 0;
    const takeLines = (isEnd) => {
      if (request.status !== 200) return;
      const text = request.responseText;
      const end = isEnd ? text.length : text.lastIndexOf("\n") + 1;
      const lines = text.slice(read, end).split("\n");
      read = Math.max(read, end);
      lines.filter((line) => line.trim()).forEach(onLine);
    };
    const stop = () => request.abort();
    request.open("POST", "v1/timeline");
    request.setRequestHeader("Content-Type", clip.type || "application/octet-stream");
    Object.entries(keyHeader()).forEach(([name, value]) => request.setRequestHeader(name, value));
    // who records a clip here has accepted the notice; of a file that is chosen, nobody knows
    if (clip.isNoticeAccepted) request.setRequestHeader("X-Avemo-Notice", "true");
    request.upload.onprogress = (event) => onUpload(event.loaded / event.total);
    request.onprogress = () => takeLines(false);
    request.onload = () => {
      if (request.status !== 200) {
        const header = { get: (name) => request.getResponseHeader(name) };
        reject(parseError(request.responseText, request.status, header));
        return;
      }
      takeLines(true);
      resolve();
    };
    let isSent = false;
    request.upload.onload = () => { isSent = true; };
    request.onerror = async () => reject(isSent ? unreachable() : await brokenOff());
    request.onabort = () => reject(stoppedError());
    request.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    request.send(clip);
  });
}

/** Return why an upload ended early: a service that is there refuses what it does not want to read. */
async function brokenOff() {
  const isAlive = await fetch("healthz").then((response) => response.ok, () => false);
  if (!isAlive) return unreachable();
  return new ServiceError("refused", "The service broke the upload off. The clip is probably larger "
    + "than it takes, or it is busy: try a shorter clip, or try again later.");
}

function unreachable() {
  return new ServiceError(
    "network",
    "It may have been stopped, or the network between it and this browser is down. Try again soon.",
  );
}

function parseError(text, status, headers) {
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // what stands between browser and service, such as a proxy, answers in its own way
  }
  const code = status === 401 ? "unauthorized" : (error.code ?? `http-${status}`);
  const message = error.message ?? `The service answered with the status ${status}.`;
  return new ServiceError(code, message, {
    requestId: error.request_id ?? headers.get("X-Request-Id") ?? "",
    retryAfter: Number(headers.get("Retry-After")) || null,
  });
}

function keyHeader() {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

let pending = null;

/** Ask the user for the key; whoever asks while the dialog is open waits for the same answer. */
function askForKey(error) {
  pending ??= new Promise((resolve, reject) => {
    const dialog = byId("key");
    if (sessionStorage.getItem(KEY)) {
      byId("key-text").textContent = "The service did not accept this key. Please check it.";
      announce("The service did not accept this key.");
    }
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      pending = null;
      const key = byId("key-input").value.trim();
      if (dialog.returnValue !== "ok" || !key) return reject(error);
      sessionStorage.setItem(KEY, key);
      return resolve();
    }, { once: true });
    dialog.showModal();
  });
  return pending;
}
