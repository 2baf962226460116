// Puts the page together.

function chooseTheme(theme) {
  document.documentElement.dataset.theme = theme;
  dark = theme === 'dark';
  document.getElementById('theme').textContent = dark ? 'Light' : 'Dark';
  redrawAll();
}

function makeControls() {
  const name = page.file || 'a recording';
  document.title = `${name}: vrapl report`;
  document.getElementById('title').textContent = name;
  document.getElementById('subtitle').textContent =
    `${secondsText(page.to_ns - page.from_ns)} from ${new Date((page.start_unix_ns + page.from_ns) / 1e6).toISOString()}; ` +
    `a sample every ${durationText(page.period_ns)}; energy by ${page.source}, run time by ${page.run_time_method}, model ${page.models[0]}`;
  document.getElementById('emulated').hidden = !page.emulated;
  const group = document.getElementById('group');
  page.curves.groups.forEach((label, i) => group.append(element('option', { value: String(i), text: label })));
  group.addEventListener('change', () => view.choose(Number(group.value)));
  document.getElementById('group-label').hidden = page.curves.groups.length < 2;
  document.getElementById('reset').addEventListener('click', () => view.reset());
  document.getElementById('theme').addEventListener('click', () => chooseTheme(dark ? 'light' : 'dark'));
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    const dragged = frames.find((frame) => frame.drag);
    if (dragged) dragged.escape();
    else view.reset();
  });
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', () => chooseTheme(system.matches ? 'dark' : 'light'));
  // Paper is white, and canvases are drawn before it is printed.
  let before = 'light';
  addEventListener('beforeprint', () => {
    before = dark ? 'dark' : 'light';
    chooseTheme('light');
  });
  addEventListener('afterprint', () => chooseTheme(before));
  addEventListener('resize', changed);
  chooseTheme(system.matches ? 'dark' : 'light');
}

makeControls();
makeWarnings();
makeStack();
makeEnvelope();
makeHeat();
makeEnergy();
makePhases();
makeDistribution();
makeLateness();
makeTotals();
makeComparison();
makeMethods();
makeConditions();
makeEvents();
changed();
drawNow();
showSelfCheck();

// For programs that look at the page.
window.vraplSelfCheck = selfCheck;
window.vraplView = () => ({
  from_ns: view.from,
  to_ns: view.to,
  group: view.group,
  // Of the stacked chart as it was drawn last.
  drawn: { from_ns: stackDrawn.from, to_ns: stackDrawn.to, level: levels.indexOf(stackDrawn.level), bins: stackDrawn.last - stackDrawn.first + 1, energy_uj: stackDrawn.uj },
  envelope: { low_w: envelopeDrawn.low, high_w: envelopeDrawn.high, exact: envelopeDrawn.exact },
  // Of the first chart, in the window.
  plot: (() => {
    const box = frames[0].canvas.getBoundingClientRect();
    const { plot } = frames[0].measure();
    return { left: box.left + plot.left, top: box.top + plot.top, width: plot.width, height: plot.height };
  })(),
});
