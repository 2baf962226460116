// A chart over time: a canvas with axes, marks, zoom and a tool tip. What is in it draws itself: draw(context, plot).
//
// plot: {left, top, width, height, x(ns), ns(x)}. All time charts have the same left and right edge, so that one instant
// is in one line down the page.

const plotLeft = Math.min(150, Math.max(64, 18 + 6.2 * Math.max(...owners.map((owner) => Math.min(owner.label.length, 20)))));
const plotRight = 14;
const axisHeight = 38;
const markHeight = page.marks.length > 0 ? 18 : 6;
const chartFont = '12px system-ui, "Liberation Sans", "DejaVu Sans", Arial, sans-serif';
const frames = [];

class Frame {
  // options: {label, height, draw(context, plot), tip(ns, plot, y) -> lines of text}
  constructor(into, options) {
    this.options = options;
    this.canvas = element('canvas', { class: 'chart', tabindex: '0', role: 'img', 'aria-label': options.label });
    this.canvas.style.height = `${options.height()}px`;
    into.append(element('figure', {}, this.canvas));
    this.drag = null;
    this.listen();
    frames.push(this);
    onRedraw(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  measure() {
    const width = this.canvas.clientWidth || 900;
    const height = this.options.height();
    const plot = { left: plotLeft, top: markHeight, width: Math.max(width - plotLeft - plotRight, 20) };
    plot.height = height - axisHeight - plot.top;
    plot.x = (ns) => plot.left + ((ns - view.from) / (view.to - view.from)) * plot.width;
    plot.ns = (x) => view.from + ((x - plot.left) / plot.width) * (view.to - view.from);
    return { width, height, plot };
  }

  draw() {
    const { width, height, plot } = this.measure();
    const scale = window.devicePixelRatio || 1;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const context = this.canvas.getContext('2d');
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.font = chartFont;
    context.save();
    this.options.draw(context, plot);
    context.restore();
    this.drawTimeAxis(context, plot);
    this.drawMarks(context, plot);
    if (this.drag && this.drag.moved) this.drawSelection(context, plot);
  }

  drawTimeAxis(context, plot) {
    const bottom = plot.top + plot.height;
    context.fillStyle = themeColour('--faint');
    context.strokeStyle = themeColour('--line');
    context.textBaseline = 'top';
    context.textAlign = 'center';
    context.beginPath();
    context.moveTo(plot.left, bottom + 0.5);
    context.lineTo(plot.left + plot.width, bottom + 0.5);
    for (const { ns, text } of timeTicks(view.from, view.to, plot.width / 90)) {
      const x = plot.x(ns);
      context.moveTo(x, bottom);
      context.lineTo(x, bottom + 4);
      context.fillText(text, Math.min(Math.max(x, plot.left), plot.left + plot.width - 8), bottom + 6);
    }
    context.stroke();
    context.textAlign = 'right';
    const clock = (view.to - view.from) / 1e9 / (plot.width / 90) >= 50;
    context.fillText(`time since the start, ${clock ? 'h:mm:ss' : 's'}`, plot.left + plot.width, bottom + 22);
  }

  // A line for each mark; its label only where it has room.
  drawMarks(context, plot) {
    context.save();
    context.textAlign = 'left';
    context.textBaseline = 'top';
    let free = -Infinity;
    for (const mark of page.marks) {
      if (mark.t_ns < view.from || mark.t_ns > view.to) continue;
      const x = plot.x(mark.t_ns);
      context.strokeStyle = themeColour('--ink');
      context.setLineDash([5, 3]);
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, 2);
      context.lineTo(x, plot.top + plot.height);
      context.stroke();
      const text = shortened(context, mark.label, 140);
      const wide = context.measureText(text).width;
      // At the right edge it stands before its line.
      const left = x + wide + 6 > plot.left + plot.width + plotRight ? x - wide - 4 : x + 4;
      if (left < free) continue;
      context.fillStyle = themeColour('--ink');
      context.fillText(text, left, 2);
      free = left + wide + 8;
    }
    context.restore();
  }

  drawSelection(context, plot) {
    const from = Math.min(this.drag.start, this.drag.now);
    const to = Math.max(this.drag.start, this.drag.now);
    context.fillStyle = themeColour('--accent');
    context.globalAlpha = 0.25;
    context.fillRect(from, plot.top, to - from, plot.height);
    context.globalAlpha = 1;
  }

  position(event) {
    const box = this.canvas.getBoundingClientRect();
    const { plot } = this.measure();
    const x = Math.min(Math.max(event.clientX - box.left, plot.left), plot.left + plot.width);
    return { x, y: event.clientY - box.top, plot };
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      const { x } = this.position(event);
      this.drag = { start: x, now: x, moved: false };
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
    });
    canvas.addEventListener('pointermove', (event) => {
      const { x, y, plot } = this.position(event);
      if (this.drag) {
        this.drag.now = x;
        this.drag.moved = this.drag.moved || Math.abs(x - this.drag.start) > 3;
        this.draw();
      }
      showTip(event, this.options.tip(plot.ns(x), plot, y));
    });
    canvas.addEventListener('pointerup', (event) => {
      const { drag } = this;
      this.drag = null;
      if (!drag || !drag.moved) return;
      const { plot } = this.position(event);
      view.set(plot.ns(Math.min(drag.start, drag.now)), plot.ns(Math.max(drag.start, drag.now)));
    });
    canvas.addEventListener('pointercancel', () => {
      this.drag = null;
      this.draw();
    });
    canvas.addEventListener('pointerleave', hideTip);
    canvas.addEventListener('dblclick', () => view.reset());
    canvas.addEventListener(
      'wheel',
      (event) => {
        // The page must go on scrolling under a wheel that only passes.
        if (document.activeElement !== canvas && !event.ctrlKey) return;
        event.preventDefault();
        const { x, plot } = this.position(event);
        view.zoom(event.deltaY < 0 ? 0.8 : 1.25, (x - plot.left) / plot.width);
      },
      { passive: false },
    );
    canvas.addEventListener('keydown', (event) => {
      const actions = {
        '+': () => view.zoom(0.5),
        '=': () => view.zoom(0.5),
        '-': () => view.zoom(2),
        ArrowLeft: () => view.pan(-0.25),
        ArrowRight: () => view.pan(0.25),
        Home: () => view.reset(),
        Escape: () => this.escape(),
      };
      if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      actions[event.key]();
    });
  }

  // A drag that has begun is given up first.
  escape() {
    if (this.drag) {
      this.drag = null;
      this.draw();
    } else {
      view.reset();
    }
  }
}

function shortened(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let kept = text;
  while (kept.length > 1 && context.measureText(`${kept}\u2026`).width > width) kept = kept.slice(0, -1);
  return `${kept}\u2026`;
}

// Lines across the plot with their values, from 0 to `high` of `unit`. Returns y(value).
function drawValueAxis(context, plot, high, unit) {
  const top = high > 0 ? high : 1;
  const y = (value) => plot.top + plot.height * (1 - value / top);
  context.strokeStyle = themeColour('--line');
  context.fillStyle = themeColour('--faint');
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const ticks = axisTicks(0, top, Math.max(plot.height / 42, 2));
  const decimals = decimalsOf(ticks.length > 1 ? ticks[1] - ticks[0] : top);
  for (const value of ticks) {
    context.beginPath();
    context.moveTo(plot.left, Math.round(y(value)) + 0.5);
    context.lineTo(plot.left + plot.width, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillText(value.toFixed(decimals), plot.left - 6, Math.min(y(value), plot.top + plot.height - 2));
  }
  context.save();
  context.translate(12, plot.top + plot.height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = 'center';
  context.fillText(unit, 0, 0);
  context.restore();
  context.beginPath();
  context.rect(plot.left, plot.top - 1, plot.width, plot.height + 1);
  context.clip();
  return y;
}

function showTip(event, lines) {
  const tip = document.getElementById('tip');
  if (!lines) {
    tip.hidden = true;
    return;
  }
  tip.textContent = lines.join('\n');
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const right = event.clientX + 16 + width > window.innerWidth;
  tip.style.left = `${Math.max(4, right ? event.clientX - width - 12 : event.clientX + 16)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 12, window.innerHeight - height - 8))}px`;
}

function hideTip() {
  document.getElementById('tip').hidden = true;
}
