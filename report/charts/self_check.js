// The page checks itself: what is drawn must be what was recorded. Results are in the footer, and for programs in
// vraplSelfCheck().

// Microjoules of rows are differences of rounded totals, and so are the counters': together they may differ by half a
// microjoule for each row.
function close(a, b, slack = 1000) {
  return Math.abs(a - b) <= slack + 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

function sumOf(numbers) {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

function selfCheck() {
  const checks = [];
  const check = (name, ok, detail) => checks.push({ name, ok: Boolean(ok), detail });
  const groups = page.curves.groups.length;
  const tracks = groups * tracksPerGroup;
  const finest = [];
  for (let track = 0; track < tracks; ++track) finest.push(sumOf(levels[0].track(track).uj));

  levels.slice(1).forEach((level, i) => {
    let wrong = 0;
    for (let track = 0; track < tracks; ++track) wrong += sumOf(level.track(track).uj) === finest[track] ? 0 : 1;
    check(`level ${i + 1} holds the energy of level 0`, wrong === 0, `${wrong} of ${tracks} curves differ`);
  });
  let unordered = 0;
  for (const level of levels) {
    for (let bin = 0; bin < level.bins; ++bin) unordered += level.end[bin] > level.begin(bin) ? 0 : 1;
  }
  check('bins are in the order of time', unordered === 0, `${unordered} are not`);
  for (let group = 0; group < groups; ++group) {
    const rows = sumOf(finest.slice(group * tracksPerGroup, group * tracksPerGroup + owners.length));
    check(`${page.curves.groups[group]}: rows sum to the counters`, close(rows, finest[totalTrack(group)]), `${rows} and ${finest[totalTrack(group)]} uJ`);
  }
  if (groups > 1) {
    const parts = sumOf(Array.from({ length: groups - 1 }, (_, i) => finest[totalTrack(i + 1)]));
    check('packages sum to all', close(parts, finest[totalTrack(0)]), `${parts} and ${finest[totalTrack(0)]} uJ`);
  }
  check('curves hold the energy of the ledger', close(finest[totalTrack(0)], page.host_uj), `${finest[totalTrack(0)]} and ${page.host_uj} uJ`);
  const toldSum = sumOf(told.track(totalTrack(0)).uj);
  check('means of flushes hold it too', close(toldSum, page.host_uj), `${toldSum} and ${page.host_uj} uJ`);
  const ledger = sumOf(page.owners.map((row) => row.energy_uj));
  check('rows of the ledger sum to the counters', close(ledger, page.host_uj), `${ledger} and ${page.host_uj} uJ`);
  if (page.phases.length > 0) {
    const phases = sumOf(page.phases.map((phase) => phase.host_uj));
    check('phases sum to the whole', close(phases, page.host_uj), `${phases} and ${page.host_uj} uJ`);
  }
  if (stackDrawn) {
    const { level, group, first, last } = stackDrawn;
    const inView = sumOf(level.track(totalTrack(group)).uj.slice(first, last + 1));
    const drawn = sumOf(stackDrawn.uj);
    check('areas as drawn have the energy of what is in view', close(drawn, inView), `${drawn} and ${inView} uJ`);
    check('what is in view is drawn', stackDrawn.from <= view.from && stackDrawn.to >= view.to - 1, `${stackDrawn.from} to ${stackDrawn.to} ns`);
  }
  return { ok: checks.every((one) => one.ok), checks };
}

// How far the curves of owners are from the ledger: curves are charged sample by sample, the base power fitted anew
// after each; the ledger flush by flush.
function curvesAgainstLedger() {
  const byCurve = owners.map(() => 0);
  for (const row of page.owners) if (row.curve !== null) byCurve[row.curve] += row.energy_uj;
  const far = owners.map((_, i) => Math.abs(sumOf(levels[0].track(trackOf(0, i)).uj) - byCurve[i]));
  return page.host_uj > 0 ? Math.max(...far) / page.host_uj : 0;
}

function showSelfCheck() {
  const result = selfCheck();
  const passed = result.checks.filter((one) => one.ok).length;
  const failed = result.checks.filter((one) => !one.ok).map((one) => `${one.name}: ${one.detail}`);
  document.documentElement.dataset.selfCheck = result.ok ? 'passed' : 'failed';
  document.getElementById('check').textContent =
    `Made by vrapl ${page.vrapl}. Self-check of this page: ${passed} of ${result.checks.length} passed` +
    `${failed.length > 0 ? `; FAILED: ${failed.join('; ')}` : ''}. The curve of an owner differs from its figure in the ledger by ` +
    `at most ${(100 * curvesAgainstLedger()).toPrecision(2)} % of the host's energy.`;
}
