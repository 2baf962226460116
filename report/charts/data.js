// What the program put into the page, unpacked: report/page_data.cc and report/packed_numbers.h are the other side.

const page = JSON.parse(document.getElementById('data').textContent);

function unpackNumbers(text) {
  const bytes = atob(text);
  const numbers = [];
  let value = 0;
  let scale = 1;
  for (let i = 0; i < bytes.length; ++i) {
    const byte = bytes.charCodeAt(i);
    value += (byte & 127) * scale;
    if (byte & 128) {
      scale *= 128;
    } else {
      numbers.push(value);
      value = 0;
      scale = 1;
    }
  }
  return Float64Array.from(numbers);
}

function unpackAscending(text) {
  const numbers = unpackNumbers(text);
  for (let i = 1; i < numbers.length; ++i) numbers[i] += numbers[i - 1];
  return numbers;
}

// One resolution of all curves. A bin begins where the one before it ends.
class Level {
  constructor(json) {
    this.exact = json.exact;
    this.bins = json.bins;
    this.end = unpackAscending(json.end_ns);
    this.dt = json.dt_ns.map(unpackNumbers);
    this.packed = json.tracks;
    this.tracks = [];
  }

  begin(bin) {
    return bin > 0 ? this.end[bin - 1] : page.from_ns;
  }

  // Unpacked when first asked for: most are never looked at.
  track(index) {
    if (!this.tracks[index]) {
      const packed = this.packed[index];
      const track = { uj: unpackNumbers(packed.uj) };
      if (packed.min_mw !== undefined) {
        track.min = unpackNumbers(packed.min_mw);
        track.max = unpackNumbers(packed.max_mw);
      }
      this.tracks[index] = track;
    }
    return this.tracks[index];
  }

  // Watts; 0 where no time passed.
  power(group, track, bin) {
    const dt = this.dt[group][bin];
    return dt > 0 ? (this.track(track).uj[bin] * 1e3) / dt : 0;
  }

  least(group, track, bin) {
    const { min } = this.track(track);
    return min ? min[bin] / 1e3 : this.power(group, track, bin);
  }

  most(group, track, bin) {
    const { max } = this.track(track);
    return max ? max[bin] / 1e3 : this.power(group, track, bin);
  }

  // The bin that t lies in.
  at(t) {
    let low = 0;
    let high = this.bins - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.end[middle] > t) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const levels = page.curves.levels.map((json) => new Level(json));
const told = new Level(page.curves.told);
const owners = page.curves.owners;
const tracksPerGroup = owners.length + 1;

function trackOf(group, owner) {
  return group * tracksPerGroup + owner;
}

// The sum of the counters.
function totalTrack(group) {
  return group * tracksPerGroup + owners.length;
}

// The finest level with no more than two bins for each pixel.
function levelFor(from, to, pixels) {
  for (const level of levels) {
    if (level.bins === 0 || level.at(to) - level.at(from) <= 2 * pixels) return level;
  }
  return levels[levels.length - 1];
}
