// Who used power when: a row for each VM, brighter where it used more.

const heatRow = 22;

// VMs; on a host without any, everybody.
const heatOwners = (() => {
  const vms = owners.map((owner, i) => i).filter((i) => owners[i].kind === 'vm');
  return vms.length > 0 ? vms : owners.map((owner, i) => i);
})();

let heatMost = 0;

function drawHeat(context, plot) {
  const level = levelFor(view.from, view.to, plot.width / 2);
  const { group } = view;
  const first = level.at(view.from);
  const last = level.at(view.to);
  heatMost = 0;
  for (const owner of heatOwners) {
    for (let bin = first; bin <= last; ++bin) heatMost = Math.max(heatMost, level.power(group, trackOf(group, owner), bin));
  }
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  heatOwners.forEach((owner, row) => {
    const top = plot.top + row * heatRow;
    context.fillStyle = themeColour('--ink');
    context.fillText(shortened(context, owners[owner].label, plot.left - 12), plot.left - 6, top + heatRow / 2);
    context.save();
    context.beginPath();
    context.rect(plot.left, top, plot.width, heatRow - 1);
    context.clip();
    for (let bin = first; bin <= last; ++bin) {
      const from = Math.floor(plot.x(level.begin(bin)));
      const to = Math.ceil(plot.x(level.end[bin]));
      context.fillStyle = heatColour(heatMost > 0 ? level.power(group, trackOf(group, owner), bin) / heatMost : 0);
      context.fillRect(from, top, to - from, heatRow - 1);
    }
    context.restore();
  });
}

function drawHeatScale(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || 320;
  canvas.width = width * scale;
  canvas.height = 34 * scale;
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  for (let x = 0; x < 200; ++x) {
    context.fillStyle = heatColour(x / 199);
    context.fillRect(plotLeft + x, 2, 1.5, 12);
  }
  context.font = chartFont;
  context.fillStyle = themeColour('--faint');
  context.textBaseline = 'top';
  context.textAlign = 'left';
  context.fillText('0 W', plotLeft, 18);
  context.textAlign = 'right';
  context.fillText(wattsText(heatMost), plotLeft + 200, 18);
}

function makeHeat() {
  const into = section('heat', 'Who used power when', 'Mean power in each step; the scale is that of what is in view.');
  const height = () => markHeight + heatOwners.length * heatRow + axisHeight;
  new Frame(into, {
    label: 'Power of each VM over time, as a heat map',
    height,
    draw: drawHeat,
    tip: (ns, plot, y) => {
      const owner = heatOwners[Math.floor((y - plot.top) / heatRow)];
      if (owner === undefined) return null;
      const level = levelFor(view.from, view.to, plot.width / 2);
      const bin = level.at(ns);
      const watts = level.power(view.group, trackOf(view.group, owner), bin);
      return [owners[owner].label, `${secondsText(level.begin(bin), 4)} + ${durationText(level.end[bin] - level.begin(bin))}`, wattsText(watts)];
    },
  });
  const canvas = element('canvas', { class: 'scale', 'aria-hidden': 'true' });
  into.append(canvas);
  onRedraw(() => drawHeatScale(canvas));
}
