// What the service says in short words, in plain ones.

const FINDINGS = {
  "no-face": "no face",
  "no-picture": "no picture",
  "no-sound": "no sound",
  silent: "silence",
  "too-short": "too short",
  "face-too-small": "face too small",
  "too-dark": "too dark",
  "cut-off": "face cut off",
  "turned-away": "turned away",
  unreadable: "cannot be read",
  "other-speaker": "another voice or room",
};

const SOURCES = {
  audio: "the sound alone",
  visual: "the picture alone",
  fused: "sound and picture",
};

const PROBLEMS = {
  "too-large": "The clip is too large",
  "slow-upload": "The upload took too long",
  internal: "The service failed",
  "model-failed": "The model failed",
  unreadable: "The clip cannot be read",
  "too-short": "The clip is too short",
  busy: "The service is busy",
  deadline: "The clip took too long",
  "not-ready": "The service is not ready",
  unauthorized: "A key is needed",
  network: "The service does not answer",
  stopped: "Stopped",
};

/** Return a finding in plain words. */
export const finding = (name) => FINDINGS[name] ?? name.replaceAll("-", " ");

/** Return what an answer comes from, in plain words. */
export const source = (modality) => SOURCES[modality] ?? modality;

/** Return the heading over an error. */
export const problem = (code) => PROBLEMS[code] ?? FINDINGS[code] ?? "The clip got no answer";

/** Return what the user can do about an error; nothing where the service's own words say it. */
export const advice = (code) => (code === "unreadable"
  ? "If it plays elsewhere, save it as MP4, WebM or WAV and try that." : "");

/** Return a moment as m:ss.s, or h:mm:ss.s. */
export function moment(seconds, digits = 1) {
  const scale = 10 ** digits;
  // rounded once, before it is cut up: 59.97 s is 1:00.0, not 0:60.0
  const total = Math.round(Math.max(0, seconds) * scale) / scale;
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const rest = (total % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Return a share of 1 in percent; the sign stays on the figure's line. */
export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;

/** Return a size in bytes. */
export const size = (bytes) =>
  bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;

/** Return words as a sentence: the service's messages begin small, for the command line. */
export function sentence(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return !text || /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Return a moment of the calendar as this reader writes it. */
export const day = (time) =>
  new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
