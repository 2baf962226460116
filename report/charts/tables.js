// What is to be read and not looked at: warnings, the ledger, phases, methods, conditions, events.

function makeWarnings() {
  const into = document.getElementById('warnings');
  for (const warning of page.warnings) {
    into.append(element('p', { class: warning.severe ? 'warning severe' : 'warning', text: warning.text }));
  }
  if (page.warnings.length === 0) into.append(element('p', { class: 'note', text: 'Nothing is wrong with this recording, as far as it tells.' }));
}

function makeTotals() {
  const into = section('totals', 'The ledger', `What the rows add up to, by the model ${page.models[0]}; package and DRAM of all packages.`);
  const seconds = (page.to_ns - page.from_ns) / 1e9;
  const columns = [{ title: 'owner', word: true }, { title: 'kind', word: true }, { title: 'energy, J' }, { title: '\u00b1 95 %, J' }, { title: 'above the floor, J' }, { title: 'mean power, W' }, { title: 'of the host, %' }, { title: 'run time, s' }];
  const idleShared = ledgerRows.some((row) => row.idle_uj !== undefined);
  if (idleShared) columns.push({ title: 'its part of idle, J' });
  page.models.slice(1).forEach((model) => columns.push({ title: `energy by ${model}, J` }));
  const rows = ledgerRows.map((row) => [
    ledgerName(row),
    row.kind,
    joulesText(row.energy_uj),
    row.err_uj === null ? 'not known' : joulesText(row.err_uj),
    activeKnown(row) ? joulesText(row.active_uj) : 'not known',
    (row.energy_uj / 1e6 / seconds).toFixed(3),
    page.host_uj > 0 ? ((100 * row.energy_uj) / page.host_uj).toFixed(2) : '',
    (row.run_time_ns / 1e9).toFixed(6),
    ...(idleShared ? [row.idle_uj === undefined ? '' : joulesText(row.idle_uj)] : []),
    ...row.by_model.slice(1).map(joulesText),
  ]);
  rows.push({
    sum: true,
    cells: ['host (the counters)', '', joulesText(page.host_uj), '', '', (page.host_uj / 1e6 / seconds).toFixed(3), '100.00', (page.capacity_ns / 1e9).toFixed(6), ...(idleShared ? [''] : []), ...page.models.slice(1).map(() => joulesText(page.host_uj))],
  });
  into.append(table(columns, rows));
  into.append(element('p', { class: 'note', text: 'Each counter by itself; cores and uncore are parts of the package, psys contains it.' }));
  into.append(
    table(
      [{ title: 'counter', word: true }, { title: 'ticks' }, { title: 'one tick, uJ' }, { title: 'energy, J' }, { title: 'mean power, W' }, { title: 'base power, W' }, { title: 'failed reads' }, { title: 'unknown, s' }],
      page.counters.map((counter) => [
        `${counter.domain} ${counter.package}${counter.die > 0 ? `.${counter.die}` : ''}`,
        String(counter.energy_ticks),
        String(Number(counter.unit_uj.toPrecision(6))),
        joulesText(counter.energy_uj),
        counter.dt_ns > 0 ? ((counter.energy_uj * 1e3) / counter.dt_ns).toFixed(3) : '',
        counter.base_w === undefined ? 'not known' : `${counter.base_w.toFixed(2)}${counter.base_given ? ' (given)' : ` \u00b1 ${counter.base_err_w.toFixed(2)}`}`,
        String(counter.read_errors),
        (counter.unknown_ns / 1e9).toFixed(3),
      ]),
    ),
  );
}

// What every model makes of the same time: opinions, whose spread is no error of measuring.
function makeComparison() {
  const compared = page.comparison;
  if (compared.models.length < 2) return;
  const into = section(
    'comparison',
    'All models side by side',
    'Energy of package and DRAM, J. Each model is one opinion on the same joules; the spread between them is no error of measuring, which stands in the ledger above. docs/models.md has their formulas and when each is wrong.',
  );
  const rank = (row) => (row.kind === 'vm' ? 0 : 1);
  const rows = [...compared.rows].sort((a, b) => rank(a) - rank(b) || b.energy_uj[0] - a.energy_uj[0]);
  const all = compared.models.map((model, i) => i).filter((i) => compared.claims_all[i]);
  const columns = [{ title: 'owner', word: true }, ...compared.models.map((title) => ({ title })), { title: 'spread' }, { title: 'spread, % of the mean' }];
  into.append(
    table(
      columns,
      rows.map((row) => {
        const mean = all.reduce((sum, i) => sum + row.energy_uj[i], 0) / Math.max(all.length, 1);
        return [ledgerName(row), ...row.energy_uj.map(joulesText), joulesText(row.spread_uj), mean > 0 ? ((100 * row.spread_uj) / mean).toFixed(1) : ''];
      }),
    ),
  );
  compared.models.forEach((model, i) => {
    if (!compared.claims_all[i]) into.append(element('p', { class: 'note', text: `${model}: its shares do not sum to the counters; it is left out of the spread.` }));
    if (compared.stood_in[i] > 0) into.append(element('p', { class: 'note', text: `${model}: in ${(100 * compared.stood_in[i]).toFixed(1)} % of the time, or a part of it, another model stood in for it, because it did not know enough yet.` }));
  });
}

function makePhases() {
  if (page.phases.length === 0) return;
  const into = section('phases', 'Energy of each phase', 'A phase lasts from its mark to the next one, or as long as a run of a command, to the samples nearest to them.');
  const shown = owners.map((owner, i) => i).filter((i) => owners[i].kind === 'vm' || owners[i].kind === 'idle');
  const columns = [{ title: 'phase', word: true }, { title: 'from, s' }, { title: 'lasts, s' }, { title: 'host, J' }, { title: 'host, W' }, ...shown.map((i) => ({ title: `${owners[i].label}, J` })), { title: 'rest, J' }];
  const rows = page.phases.map((phase) => {
    const rest = phase.energy_uj.reduce((sum, uj) => sum + uj, 0) - shown.reduce((sum, i) => sum + phase.energy_uj[i], 0);
    return [
      phase.label,
      (phase.from_ns / 1e9).toFixed(3),
      ((phase.to_ns - phase.from_ns) / 1e9).toFixed(3),
      (phase.host_uj / 1e6).toFixed(3),
      phase.to_ns > phase.from_ns ? ((phase.host_uj * 1e3) / (phase.to_ns - phase.from_ns)).toFixed(2) : '',
      ...shown.map((i) => (phase.energy_uj[i] / 1e6).toFixed(3)),
      (rest / 1e6).toFixed(3),
    ];
  });
  into.append(table(columns, rows));
}

function makeMethods() {
  const into = section('methods', 'For the paper', 'Markdown; vrapl report --methods prints it, --methods=latex as LaTeX.');
  const text = element('pre', { text: page.methods, tabindex: '0' });
  const copy = element('button', { type: 'button', text: 'Select and copy' });
  copy.addEventListener('click', () => {
    getSelection().selectAllChildren(text);
    document.execCommand('copy');  // navigator.clipboard is not there for a page from a file
  });
  into.append(text, copy);
}

// Nested keys as one path each.
function flattened(value, path = '', out = []) {
  if (value !== null && typeof value === 'object' && Object.keys(value).length > 0) {
    const flat = Array.isArray(value) && value.every((one) => one === null || typeof one !== 'object');
    if (flat) out.push([path, value.join(' ')]);
    else for (const [key, inner] of Object.entries(value)) flattened(inner, path ? `${path}.${key}` : key, out);
  } else {
    out.push([path, value !== null && typeof value === 'object' ? '' : String(value)]);
  }
  return out;
}

function makeConditions() {
  const into = section('conditions', 'Conditions of the run');
  const known = [
    ['recording', page.file],
    ['vrapl that made this page', page.vrapl],
    ['source', `${page.source} (${page.backend})`],
    ['run time by', page.run_time_method],
    ['started', new Date(page.start_unix_ns / 1e6).toISOString()],
    ['length', secondsText(page.duration_ns)],
    ['shown', `${secondsText(page.from_ns)} to ${secondsText(page.to_ns)}`],
    ['sampling period', durationText(page.period_ns)],
    ['longest time between two samples', durationText(page.curves.longest_window_ns)],
    ['flush', durationText(page.flush_ns)],
    ['models', page.models.join(', ')],
  ];
  const columns = [{ title: 'what', word: true }, { title: 'value', word: true }];
  into.append(table(columns, known));
  into.append(element('details', {}, element('summary', { text: 'Everything that the recording says of itself' }), table(columns, flattened(page.header))));
}

function makeEvents() {
  if (page.events.length === 0) return;
  const into = section('events', 'Events', page.event_count > page.events.length ? `The first ${page.events.length} of ${page.event_count}.` : '');
  const rows = page.events.map((event) => [
    secondsText(event.t_ns),
    event.type,
    typeof event.what === 'string' ? event.what : flattened(event.what).filter(([key]) => key !== 't_ns' && key !== 'type').map(([key, value]) => `${key} ${value}`).join(', '),
  ]);
  const list = table([{ title: 'at' }, { title: 'what', word: true }, { title: '', word: true }], rows);
  into.append(element('details', {}, element('summary', { text: `${page.event_count} events` }), list));
}
