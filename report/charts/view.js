// The time that all time charts show, and the package: one for the whole page.

const whole = { from: page.from_ns, to: Math.max(page.to_ns, page.from_ns + 1) };

const view = {
  from: whole.from,
  to: whole.to,
  group: 0,

  // Nobody sees anything in less than a few samples.
  set(from, to) {
    const least = Math.min(Math.max(4 * page.period_ns, 1e3), whole.to - whole.from);
    let span = Math.min(Math.max(to - from, least), whole.to - whole.from);
    let begin = (from + to) / 2 - span / 2;
    begin = Math.min(Math.max(begin, whole.from), whole.to - span);
    view.from = begin;
    view.to = begin + span;
    changed();
  },

  reset() {
    view.from = whole.from;
    view.to = whole.to;
    changed();
  },

  // About the instant at `share` of what is in view.
  zoom(factor, share = 0.5) {
    const span = view.to - view.from;
    const at = view.from + span * share;
    view.set(at - span * factor * share, at + span * factor * (1 - share));
  },

  pan(share) {
    const by = (view.to - view.from) * share;
    const from = Math.min(Math.max(view.from + by, whole.from), whole.to - (view.to - view.from));
    view.set(from, from + (view.to - view.from));
  },

  choose(group) {
    view.group = group;
    changed();
  },
};

let waiting = false;

function changed() {
  hideTip();  // it told of what was there
  document.getElementById('range').textContent =
    `${secondsText(view.from)} to ${secondsText(view.to)} (${durationText(view.to - view.from)} in view)`;
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(drawNow);
}

function drawNow() {
  waiting = false;
  redrawAll();
}
