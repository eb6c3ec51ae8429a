// A clip's timeline as it arrives: lines of NDJSON become lanes of rows that can be asked by time.

/** The rows of one face, or of the sound alone, in the order of time. */
class Lane {
  constructor(key, name) {
    this.key = key;
    this.name = name;
    this.rows = [];
  }

  /** Return the row at a moment; undefined where there is none. */
  at(time) {
    return this.rows[this.indexAt(time)];
  }

  indexAt(time) {
    const { rows } = this;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].end <= time) low = middle + 1;
      else high = middle;
    }
    if (low < rows.length) return rows[low].start <= time ? low : -1;
    // the very end of the clip belongs to its last row, so that a paused player shows it
    return low && time - rows[low - 1].end < 0.25 ? low - 1 : -1;
  }

  /** Return the face's box at a moment, between those in the middles of two rows. */
  boxAt(time) {
    const index = this.indexAt(time);
    const row = this.rows[index];
    if (!row?.box) return null;
    const other = this.rows[index + (time < middle(row) ? -1 : 1)];
    const isNext = other?.box && (other.start === row.end || other.end === row.start);
    if (!isNext) return row.box;
    const share = (time - middle(row)) / (middle(other) - middle(row));
    return row.box.map((edge, side) => edge + share * (other.box[side] - edge));
  }

  /** Return neighbouring rows that say the same, joined. */
  runs() {
    const runs = [];
    for (const row of this.rows) {
      const last = runs[runs.length - 1];
      const isSame = last && last.emotion === row.emotion && last.finding === row.finding
        && last.unsure === row.unsure && last.end === row.start;
      if (isSame) last.end = row.end;
      else runs.push({ ...row });
    }
    return runs;
  }
}

/** Return the moment that a row's probabilities stand for. */
export const middle = (row) => (row.start + row.end) / 2;

/** What the service has told about a clip so far. */
export class Timeline {
  constructor() {
    this.lines = [];
    this.head = null;
    this.rows = [];
    this.end = null;
    this.error = null;
    this.cachedLanes = null;
  }

  /** Take a line of the answer. */
  add(line) {
    const record = JSON.parse(line);
    this.cachedLanes = null;
    if (record.error) {
      this.error = record.error;
      return;
    }
    this.lines.push(line);
    if (record.end === true) this.end = record;
    else if (this.head === null && record.start === undefined) this.head = record;
    else this.rows.push(record);
  }

  /** In seconds, as far as it is known. */
  get duration() {
    return this.end?.duration ?? this.rows.reduce((end, row) => Math.max(end, row.end), 0);
  }

  /** The emotions that the model tells apart, in its order. */
  get emotions() {
    return this.head?.classes ?? [];
  }

  /** A lane a face, and one for what has no face. */
  get lanes() {
    return (this.cachedLanes ??= this.makeLanes());
  }

  makeLanes() {
    const byTrack = new Map();
    for (const row of this.rows) {
      if (!byTrack.has(row.track)) byTrack.set(row.track, []);
      byTrack.get(row.track).push(row);
    }
    const tracks = [...byTrack.keys()].filter((track) => track !== null).sort((a, b) => a - b);
    const lanes = tracks.map((track) => new Lane(`face-${track}`, `Face ${track + 1}`));
    lanes.forEach((lane, index) => lane.rows.push(...byTrack.get(tracks[index])));
    const faceless = byTrack.get(null) ?? [];
    // with one face, what lies between its appearances belongs to the same story
    if (lanes.length === 1) lanes[0].rows.push(...faceless);
    else if (faceless.length) {
      const lane = new Lane("sound", lanes.length ? "Without a face" : "Sound");
      lane.rows.push(...faceless);
      lanes.push(lane);
    }
    lanes.forEach((lane) => lane.rows.sort((a, b) => a.start - b.start));
    return lanes;
  }

  /** What stands in the list of clips: of the lane with most answers, the emotion of most time. */
  summary() {
    const summaries = this.lanes.map((lane) => {
      const seconds = {};
      const gaps = lane.rows.filter((row) => row.finding).map((row) => row.finding);
      let answered = 0;
      let unsure = 0;
      let total = 0;
      for (const row of lane.rows) {
        const length = row.end - row.start;
        total += length;
        if (!row.emotion) continue;
        answered += length;
        if (row.unsure) unsure += length;
        else seconds[row.emotion] = (seconds[row.emotion] ?? 0) + length;
      }
      const [emotion, most] = Object.entries(seconds).sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
      return { emotion, share: total ? most / total : 0, unsure: total ? unsure / total : 0,
        answered, finding: gaps[0] ?? "" };
    });
    return summaries.sort((a, b) => b.answered - a.answered)[0] ?? null;
  }

  /** Return the lines as they came, with the clip's name in the first: exports are made of them. */
  named(file) {
    const rest = this.head ? this.lines.slice(1) : this.lines;
    return [JSON.stringify({ ...this.head, file }), ...rest];
  }
}
