// Energy of each VM over the whole recording, with its part of the floor and what it used above it.

// Rows of the ledger, VMs first, the one with the most energy first.
const ledgerRows = (() => {
  const rank = (row) => (row.kind === 'vm' ? 0 : 1);
  return [...page.owners].sort((a, b) => rank(a) - rank(b) || b.energy_uj - a.energy_uj);
})();

function ledgerName(row) {
  const same = page.owners.filter((other) => other.name === row.name && other.kind === row.kind);
  return same.length > 1 ? `${row.name} (pid ${row.pid})` : row.name;
}

// Known in a part of the windows only: no figure for the whole.
function activeKnown(row) {
  return row.active_uj !== null && row.active_known_uj === row.energy_uj;
}

function drawEnergyBars(svg, rows) {
  const width = svg.clientWidth || 1000;
  const left = plotLeft + 30;
  const right = 150;
  const rowHeight = 26;
  const height = rows.length * rowHeight + 34;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', String(height));
  svg.replaceChildren();
  const most = Math.max(...rows.map((row) => Math.max(row.energy_uj, ...row.by_model)), 1) / 1e6;
  const x = (joules) => left + (joules / most) * (width - left - right);
  const bottom = rows.length * rowHeight;
  const ticks = axisTicks(0, most, (width - left - right) / 110);
  const decimals = decimalsOf(ticks.length > 1 ? ticks[1] - ticks[0] : most);
  for (const value of ticks) {
    svg.append(svgElement('line', { class: 'axis', x1: x(value), x2: x(value), y1: 0, y2: bottom }));
    svg.append(svgElement('text', { class: 'faint', x: x(value), y: bottom + 16, 'text-anchor': 'middle' }, value.toFixed(decimals)));
  }
  svg.append(svgElement('text', { class: 'faint', x: width - right, y: bottom + 31, 'text-anchor': 'end' }, 'energy, J'));
  const defs = svgElement('defs');
  const hatch = svgElement('pattern', { id: 'floor', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' });
  hatch.append(svgElement('rect', { width: 6, height: 6, fill: dark ? '#4A4E53' : '#D5D8DC' }));
  hatch.append(svgElement('line', { x1: 0, y1: 0, x2: 0, y2: 6, stroke: dark ? '#80868C' : '#8A9096', 'stroke-width': 2 }));
  defs.append(hatch);
  svg.append(defs);
  rows.forEach((row, i) => {
    const top = i * rowHeight + 4;
    const middle = top + 9;
    const known = activeKnown(row);
    const active = known ? row.active_uj / 1e6 : 0;
    const energy = row.energy_uj / 1e6;
    const name = svgElement('text', { x: left - 8, y: middle + 4, 'text-anchor': 'end' }, row.label.length > 20 ? `${row.label.slice(0, 19)}\u2026` : row.label);
    name.append(svgElement('title', {}, row.label));
    svg.append(name);
    const bar = (from, to, fill) =>
      svg.append(svgElement('rect', { x: x(from), y: top, width: Math.max(x(to) - x(from), 0), height: 18, fill }));
    bar(0, active, dark ? '#56B4E9' : '#0072B2');
    bar(active, energy, known ? 'url(#floor)' : dark ? '#80868C' : '#A3A9B0');
    let end = x(energy);
    if (row.by_model.length > 1) {
      const low = x(Math.min(...row.by_model) / 1e6);
      const high = x(Math.max(...row.by_model) / 1e6);
      const stroke = themeColour('--ink');
      for (const [x1, x2, y1, y2] of [[low, high, middle, middle], [low, low, middle - 5, middle + 5], [high, high, middle - 5, middle + 5]]) {
        svg.append(svgElement('line', { x1, x2, y1, y2, stroke, 'stroke-width': 1.5 }));
      }
      end = Math.max(end, high);
    }
    const share = page.host_uj > 0 ? ` (${((100 * row.energy_uj) / page.host_uj).toFixed(1)} %)` : '';
    svg.append(svgElement('text', { x: end + 8, y: middle + 4 }, `${energy.toFixed(energy >= 100 ? 1 : 3)} J${share}`));
  });
}

function makeEnergy() {
  const several = page.models.length > 1;
  const into = section(
    'energy',
    'Energy of each owner',
    'Blue: above the floor; hatched: of the floor; plain grey: not known which. ' +
      (several
        ? `The line with ends spans the models ${page.models.join(', ')}: how much the figure depends on who is asked to pay for the floor. `
        : 'One model only was asked for: --model=base-share,share,capacity shows how much the figure depends on it. ') +
      "The 95 % interval of measuring is in the table below: drawn to this scale it is mostly thinner than a line. RAPL's own error is in no figure.",
  );
  const vms = ledgerRows.filter((row) => row.kind === 'vm');
  // More than some dozens are in the table below.
  const rows = [...vms.slice(0, 40), ...ledgerRows.filter((row) => row.kind !== 'vm' && row.energy_uj > 0)];
  rows.forEach((row) => {
    row.label = ledgerName(row);
  });
  if (vms.length > 40) into.append(element('p', { class: 'note', text: `The 40 of ${vms.length} VMs that used most.` }));
  const svg = svgElement('svg', { role: 'img', 'aria-label': 'Energy of each owner' });
  into.append(svg);
  onRedraw(() => drawEnergyBars(svg, rows));
}
