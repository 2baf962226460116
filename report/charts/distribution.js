// How often power was how high: for each owner the share of time in which 10 ms drew no more than so much.

function quantile(owner, share) {
  const quantiles = page.curves.quantiles_mw[owner];
  return quantiles.length > 0 ? quantiles[Math.round(share * page.curves.quantile_steps)] / 1e3 : 0;
}

const distributionOwners = (() => {
  const vms = owners.map((owner, i) => i).filter((i) => owners[i].kind === 'vm');
  return [...vms, owners.length];
})();

function distributionStyle(owner) {
  if (owner < owners.length) return styleOf(owner);
  return { line: themeColour('--ink'), dash: [] };
}

function distributionLabel(owner) {
  return owner < owners.length ? owners[owner].label : 'host (the counters)';
}

function drawDistribution(svg) {
  const width = svg.clientWidth || 1000;
  const height = 300;
  const plot = { left: plotLeft, top: 8, width: width - plotLeft - plotRight - 8, height: height - 52 };
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', String(height));
  svg.replaceChildren();
  // A lone peak would press everything else to the left edge.
  const most = Math.max(...distributionOwners.map((owner) => quantile(owner, 0.995)), 0.001) * 1.08;
  const x = (watts) => plot.left + (Math.min(watts, most) / most) * plot.width;
  const y = (share) => plot.top + plot.height * (1 - share);
  const bottom = plot.top + plot.height;
  const ticks = axisTicks(0, most, plot.width / 90);
  const decimals = decimalsOf(ticks.length > 1 ? ticks[1] - ticks[0] : most);
  for (const value of ticks) {
    svg.append(svgElement('line', { class: 'axis', x1: x(value), x2: x(value), y1: plot.top, y2: bottom }));
    svg.append(svgElement('text', { class: 'faint', x: x(value), y: bottom + 16, 'text-anchor': 'middle' }, value.toFixed(decimals)));
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(svgElement('line', { class: 'axis', x1: plot.left, x2: plot.left + plot.width, y1: y(share), y2: y(share) }));
    svg.append(svgElement('text', { class: 'faint', x: plot.left - 6, y: y(share) + 4, 'text-anchor': 'end' }, `${share * 100} %`));
  }
  svg.append(svgElement('text', { class: 'faint', x: plot.left + plot.width, y: bottom + 34, 'text-anchor': 'end' }, 'power in 10 ms, W'));
  const middle = plot.top + plot.height / 2;
  svg.append(svgElement('text', { class: 'faint', x: 0, y: 0, 'text-anchor': 'middle', transform: `translate(14 ${middle}) rotate(-90)` }, 'share of time'));
  const steps = page.curves.quantile_steps;
  for (const owner of distributionOwners) {
    const quantiles = page.curves.quantiles_mw[owner];
    if (quantiles.length === 0) continue;
    const points = quantiles.map((mw, i) => `${x(mw / 1e3).toFixed(1)},${y(i / steps).toFixed(1)}`);
    const style = distributionStyle(owner);
    svg.append(
      svgElement('polyline', {
        points: [`${x(0).toFixed(1)},${y(0)}`, `${x(quantiles[0] / 1e3).toFixed(1)},${y(0)}`, ...points].join(' '),
        fill: 'none',
        stroke: style.line,
        'stroke-width': owner === owners.length ? 2.5 : 2,
        'stroke-dasharray': style.dash.join(' '),
      }),
    );
  }
}

function makeDistribution() {
  const into = section(
    'distribution',
    'Distribution of 10 ms power',
    'The curve of an owner passes a power at the share of time that 10 ms drew no more than that. All packages, the whole recording.',
  );
  const svg = svgElement('svg', { role: 'img', 'aria-label': 'Distribution of power in 10 ms' });
  into.append(svg);
  onRedraw(() => drawDistribution(svg));
  legend(into, () => distributionOwners.map((owner) => ({ label: distributionLabel(owner), style: distributionStyle(owner), asLine: true })));
  const shares = [0.05, 0.5, 0.95, 0.99, 1];
  const columns = [{ title: 'power in 10 ms, W', word: true }, ...shares.map((share) => ({ title: share === 1 ? 'most' : share === 0.5 ? 'median' : `${share * 100} %` }))];
  into.append(table(columns, distributionOwners.map((owner) => [distributionLabel(owner), ...shares.map((share) => quantile(owner, share).toFixed(3))])));
}
