// The same power as each sample has it and as a meter with one figure for each flush would: what a mean hides.

let envelopeOwner = owners.length;  // the sum

function envelopeTrack(group) {
  return group * tracksPerGroup + envelopeOwner;
}

// What was drawn last, for the self-check and tests.
let envelopeDrawn = null;

function stepLine(context, plot, y, level, track, group) {
  context.beginPath();
  for (let bin = level.at(view.from); bin <= level.at(view.to); ++bin) {
    const at = y(level.power(group, track, bin));
    context.lineTo(plot.x(level.begin(bin)), at);
    context.lineTo(plot.x(level.end[bin]), at);
  }
  context.stroke();
}

function drawEnvelope(context, plot) {
  const level = levelFor(view.from, view.to, plot.width);
  const { group } = view;
  const track = envelopeTrack(group);
  const first = level.at(view.from);
  const last = level.at(view.to);
  let high = 0;
  let low = Infinity;
  for (let bin = first; bin <= last; ++bin) {
    high = Math.max(high, level.most(group, track, bin));
    low = Math.min(low, level.least(group, track, bin));
  }
  envelopeDrawn = { low, high, exact: level.exact, first, last };
  const y = drawValueAxis(context, plot, high * 1.05, 'power, W');
  context.fillStyle = dark ? 'rgba(86,180,233,0.38)' : 'rgba(86,180,233,0.5)';
  if (!level.exact) {
    for (let bin = first; bin <= last; ++bin) {
      const from = plot.x(level.begin(bin));
      const top = y(level.most(group, track, bin));
      context.fillRect(from, top, Math.max(plot.x(level.end[bin]) - from, 0.7), Math.max(y(level.least(group, track, bin)) - top, 1));
    }
  }
  context.strokeStyle = envelopeStyles().fine.line;
  context.lineWidth = 1;
  stepLine(context, plot, y, level, track, group);
  context.strokeStyle = envelopeStyles().told.line;
  // Dashes and width want room; of an hour there is less than a pixel for each flush.
  const wide = (page.flush_ns / (view.to - view.from)) * plot.width > 8;
  context.lineWidth = wide ? 2.5 : 1;
  context.setLineDash(wide ? envelopeStyles().told.dash : []);
  context.globalAlpha = wide ? 1 : 0.6;
  stepLine(context, plot, y, told, track, group);
}

function envelopeStyles() {
  return {
    range: { colour: dark ? '#2F5B73' : '#ABDAF4', pattern: 'solid' },
    fine: { line: dark ? '#56B4E9' : '#0072B2', dash: [] },
    told: { line: dark ? '#FF8A3D' : '#D55E00', dash: [8, 3] },
  };
}

function makeEnvelope() {
  const sample = durationText(page.period_ns);
  const flush = durationText(page.flush_ns);
  const into = section(
    'envelope',
    `${sample} against ${flush}`,
    `One axis: power in each sample, and its mean over each flush. A counter that updates about as often as it is read shows ` +
      `empty and double samples: one step of ${sample} is no peak by itself; look at 10 ms or more for that.`,
  );
  const choose = element('select');
  choose.append(element('option', { value: String(owners.length), text: 'all of it (the counters)' }));
  for (let i = owners.length - 1; i >= 0; --i) choose.append(element('option', { value: String(i), text: owners[i].label }));
  choose.addEventListener('change', () => {
    envelopeOwner = Number(choose.value);
    changed();
  });
  into.append(element('p', {}, element('label', { text: 'Power of ' }, choose)));
  new Frame(into, {
    label: `Power in samples of ${sample} and in means over ${flush}`,
    height: () => 260,
    draw: drawEnvelope,
    tip: (ns) => {
      const level = levelFor(view.from, view.to, frames[0].measure().plot.width);
      const bin = level.at(ns);
      const track = envelopeTrack(view.group);
      const lines = [`${secondsText(level.begin(bin), 4)} + ${durationText(level.end[bin] - level.begin(bin))}`];
      lines.push(`mean  ${wattsText(level.power(view.group, track, bin))}`);
      if (!level.exact) {
        lines.push(`samples  ${wattsText(level.least(view.group, track, bin))} to ${wattsText(level.most(view.group, track, bin))}`);
      }
      lines.push(`mean of ${flush}  ${wattsText(told.power(view.group, track, told.at(ns)))}`);
      return lines;
    },
  });
  legend(into, () => [
    { label: 'least to most of any sample (zoomed out)', style: envelopeStyles().range },
    { label: 'samples, or their mean where they are many', style: envelopeStyles().fine, asLine: true },
    { label: `mean over ${flush}`, style: envelopeStyles().told, asLine: true },
  ]);
}
