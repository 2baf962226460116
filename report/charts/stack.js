// Power of everybody, one upon the other: together they are what the counters moved.

// What was drawn last, for the self-check: energy as the areas have it, and between which instants.
let stackDrawn = null;

function drawStack(context, plot) {
  const level = levelFor(view.from, view.to, plot.width);
  const { group } = view;
  const first = level.at(view.from);
  const last = level.at(view.to);
  let high = 0;
  for (let bin = first; bin <= last; ++bin) high = Math.max(high, level.power(group, totalTrack(group), bin));
  const y = drawValueAxis(context, plot, high * 1.05, 'power, W');
  const base = new Float64Array(last - first + 1);
  stackDrawn = { from: level.begin(first), to: level.end[last], first, last, level, group, uj: [] };
  for (let owner = 0; owner < owners.length; ++owner) {
    const track = trackOf(group, owner);
    let uj = 0;
    context.beginPath();
    for (let bin = first; bin <= last; ++bin) {
      const top = base[bin - first] + level.power(group, track, bin);
      const at = y(top);
      if (bin === first) context.moveTo(plot.x(level.begin(bin)), at);
      else context.lineTo(plot.x(level.begin(bin)), at);
      context.lineTo(plot.x(level.end[bin]), at);
      uj += ((top - base[bin - first]) * level.dt[group][bin]) / 1e3;
    }
    for (let bin = last; bin >= first; --bin) {
      const at = y(base[bin - first]);
      context.lineTo(plot.x(level.end[bin]), at);
      context.lineTo(plot.x(level.begin(bin)), at);
      base[bin - first] += level.power(group, track, bin);
    }
    context.closePath();
    context.fillStyle = fillOf(context, styleOf(owner));
    context.fill();
    stackDrawn.uj.push(uj);
  }
}

function stackTip(ns) {
  const { group } = view;
  const level = levelFor(view.from, view.to, frames[0].measure().plot.width);
  const bin = level.at(ns);
  const lines = [
    `${secondsText(level.begin(bin), 4)} + ${durationText(level.end[bin] - level.begin(bin))}`,
    `sum  ${wattsText(level.power(group, totalTrack(group), bin))}`,
  ];
  for (let owner = owners.length - 1; owner >= 0; --owner) {
    const watts = level.power(group, trackOf(group, owner), bin);
    if (watts > 0) lines.push(`${owners[owner].label}  ${wattsText(watts)}`);
  }
  return lines;
}

function makeStack() {
  const { exact } = levels[0];
  const into = section(
    'stack',
    'Power by owner',
    `Package and DRAM; charged by the model ${page.models[0]}. ${
      exact
        ? 'Zoomed in, each step is one sample.'
        : `Zoomed in, each step is ${durationText((whole.to - whole.from) / Math.max(levels[0].bins, 1))}, the finest that is in this page.`
    }`,
  );
  new Frame(into, { label: 'Power of each owner over time, stacked', height: () => 320, draw: drawStack, tip: stackTip });
  // As they lie upon one another.
  legend(into, () => owners.map((owner, i) => ({ label: owner.label, style: styleOf(i) })).reverse());
}
