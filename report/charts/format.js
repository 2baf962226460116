// Numbers and times as people read them, and round values for an axis.

function roundStep(span, count) {
  const raw = span / Math.max(count, 1);
  const decade = 10 ** Math.floor(Math.log10(raw));
  const times = raw / decade;
  return (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10) * decade;
}

function axisTicks(low, high, count) {
  if (!(high > low)) return [low];
  const step = roundStep(high - low, count);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12) + 1e-12; ++i) ticks.push(i * step);
  return ticks;
}

function decimalsOf(step) {
  return Math.min(9, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

// Times on an axis: whole minutes as h:mm:ss, else seconds.
const roundSeconds = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

function timeTicks(fromNs, toNs, count) {
  const from = fromNs / 1e9;
  const to = toNs / 1e9;
  let step = roundStep(to - from, count);
  if (step >= 50) step = roundSeconds.find((seconds) => (to - from) / seconds <= count) || 86400;
  const ticks = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + 1e-12; ++i) {
    ticks.push({ ns: i * step * 1e9, text: step >= 60 ? clockText(i * step) : (i * step).toFixed(decimalsOf(step)) });
  }
  return ticks;
}

function clockText(seconds) {
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

function secondsText(ns, decimals = 3) {
  return `${(ns / 1e9).toFixed(decimals)} s`;
}

function durationText(ns) {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${Number((ns / 1e3).toPrecision(3))} us`;
  if (ns < 1e9) return `${Number((ns / 1e6).toPrecision(3))} ms`;
  return `${Number((ns / 1e9).toPrecision(4))} s`;
}

function wattsText(watts) {
  return `${watts >= 100 ? watts.toFixed(1) : watts >= 1 ? watts.toFixed(2) : watts.toFixed(3)} W`;
}

function joulesText(microjoules) {
  return (microjoules / 1e6).toFixed(microjoules >= 1e9 ? 3 : 6);
}
