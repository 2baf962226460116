// How late samples were taken, against the intended instant. Both axes are logarithmic: one sample in a million shows.

function drawLateness(svg, sampler) {
  const width = svg.clientWidth || 1000;
  const height = 210;
  const plot = { left: plotLeft, top: 34, width: width - plotLeft - plotRight - 20, height: height - 34 - 46 };
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', String(height));
  svg.replaceChildren();
  const buckets = sampler.histogram.filter(([, count]) => count > 0);
  const lowest = Math.min(1e3, ...buckets.map(([upper]) => Math.max(upper, 1)));
  const highest = Math.max(1e6, sampler.late_max_ns, ...buckets.map(([upper]) => upper)) * 1.3;
  const most = Math.max(...buckets.map(([, count]) => count), 1);
  const low = Math.log10(lowest / 1.3);
  const x = (ns) => plot.left + ((Math.log10(Math.max(ns, lowest / 1.3)) - low) / (Math.log10(highest) - low)) * plot.width;
  // One sample is a visible step.
  const y = (count) => plot.top + plot.height * (1 - (count > 0 ? (Math.log10(count) + 0.4) / (Math.log10(most) + 0.4) : 0));
  const bottom = plot.top + plot.height;
  for (let decade = Math.ceil(low); 10 ** decade <= highest; ++decade) {
    const at = x(10 ** decade);
    svg.append(svgElement('line', { class: 'axis', x1: at, x2: at, y1: plot.top, y2: bottom }));
    svg.append(svgElement('text', { class: 'faint', x: at, y: bottom + 16, 'text-anchor': 'middle' }, durationText(10 ** decade)));
  }
  for (let count = 1; count <= most; count *= most > 1e4 ? 100 : 10) {
    svg.append(svgElement('line', { class: 'axis', x1: plot.left, x2: plot.left + plot.width, y1: y(count), y2: y(count) }));
    svg.append(svgElement('text', { class: 'faint', x: plot.left - 6, y: y(count) + 4, 'text-anchor': 'end' }, String(count)));
  }
  for (const [upper, count] of buckets) {
    const from = x(upper * (8 / 9));
    svg.append(svgElement('rect', { x: from, y: y(count), width: Math.max(x(upper) - from - 0.5, 1), height: bottom - y(count), fill: dark ? '#56B4E9' : '#0072B2' }));
  }
  svg.append(svgElement('text', { class: 'faint', x: plot.left + plot.width, y: bottom + 34, 'text-anchor': 'end' }, 'late by'));
  const lines = [['p50', sampler.late_p50_ns], ['p99', sampler.late_p99_ns], ['p99.9', sampler.late_p999_ns], ['max', sampler.late_max_ns]];
  const ends = [-Infinity, -Infinity];  // of the labels in two rows
  for (const [name, ns] of lines) {
    const at = x(ns);
    const text = `${name} ${durationText(ns)}`;
    const wide = 7.2 * text.length;
    const from = at + 3 + wide > plot.left + plot.width + 20 ? at - wide : at + 3;
    const row = from > ends[0] ? 0 : 1;
    svg.append(svgElement('line', { x1: at, x2: at, y1: 8 + row * 14, y2: bottom, stroke: themeColour('--ink'), 'stroke-dasharray': '4 3' }));
    svg.append(svgElement('text', { x: from, y: 13 + row * 14 }, text));
    ends[row] = from + wide + 4;
  }
}

function makeLateness() {
  const into = section(
    'lateness',
    'How late samples were',
    'Against the tick that each was meant for; a window of several samples counts by its latest. Lines: over the whole recording, to 12.5 %.',
  );
  for (const sampler of page.samplers) {
    const ticks = sampler.samples + sampler.missed;
    const missed = ticks > 0 ? ((100 * sampler.missed) / ticks).toPrecision(2) : '0';
    into.append(
      element('p', {
        text: `Package ${sampler.package}${sampler.die > 0 ? `, die ${sampler.die}` : ''}, read on CPU ${sampler.cpu}: ${sampler.samples} samples, ` +
          `${sampler.late} more than half a period late, ${sampler.missed} ticks missed (${sampler.missed > 0 ? missed : 0} %), ${sampler.dropped} dropped.`,
      }),
    );
    if (sampler.samples === 0) continue;
    const svg = svgElement('svg', { role: 'img', 'aria-label': `Lateness of the samples of package ${sampler.package}` });
    into.append(svg);
    onRedraw(() => drawLateness(svg, sampler));
  }
}
