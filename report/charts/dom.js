// Elements. Names in a recording are other people's words: they become text, never markup.

function element(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === 'text') made.textContent = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function svgElement(tag, options = {}, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(options)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function section(id, title, note) {
  const into = document.getElementById(id);
  into.append(element('h2', { text: title }));
  if (note) into.append(element('p', { class: 'note', text: note }));
  return into;
}

// columns: [{title, word?}]; rows: arrays of text, or {cells, sum}.
function table(columns, rows) {
  const kind = (i) => (columns[i].word ? 'word' : 'number');
  const head = element('tr', {}, ...columns.map((column, i) => element('th', { class: kind(i), text: column.title, scope: 'col' })));
  const body = rows.map((row) => {
    const cells = row.cells || row;
    return element('tr', { class: row.sum ? 'sum' : '' }, ...cells.map((cell, i) => element('td', { class: kind(i), text: cell })));
  });
  return element('div', { class: 'scroll' }, element('table', {}, element('thead', {}, head), element('tbody', {}, ...body)));
}

// A piece of a legend's or a line's look.
function swatch(style, asLine) {
  const canvas = element('canvas', { 'aria-hidden': 'true' });
  const scale = window.devicePixelRatio || 1;
  canvas.width = 22 * scale;
  canvas.height = 13 * scale;
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  if (asLine) {
    context.strokeStyle = style.line;
    context.lineWidth = 2;
    context.setLineDash(style.dash);
    context.beginPath();
    context.moveTo(0, 6.5);
    context.lineTo(22, 6.5);
    context.stroke();
  } else {
    context.fillStyle = fillOf(context, style);
    context.fillRect(0, 0, 22, 13);
    context.strokeStyle = themeColour('--line');
    context.strokeRect(0.5, 0.5, 21, 12);
  }
  return canvas;
}

// entries: [{label, style, asLine?}], drawn anew when the theme changes.
function legend(into, entriesOf) {
  const list = element('ul', { class: 'legend' });
  into.append(list);
  const draw = () =>
    list.replaceChildren(
      ...entriesOf().map(({ label, style, asLine }) =>
        element('li', { title: label }, swatch(style, asLine), element('span', { text: label })),
      ),
    );
  onRedraw(draw);
}

const redraws = [];

function onRedraw(draw) {
  redraws.push(draw);
}

function redrawAll() {
  for (const draw of redraws) draw();
}
