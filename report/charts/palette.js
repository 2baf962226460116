// Colours that people with any colour vision can tell apart (Okabe and Ito, "Color Universal Design", 2008), each with a
// pattern, so that they can be told apart without colour too. What is no VM is grey.

const vmColours = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00', '#F0E442'];
// Yellow is too pale for a thin line on white.
const lineColours = { '#F0E442': '#A89B00' };
const patterns = ['solid', 'rising', 'dots', 'falling', 'bars', 'cross'];
const dashes = [[], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3]];
const greys = {
  idle: ['#C9CCD0', '#4A4E53', 'solid'],
  unreported: ['#FFFFFF', '#16181B', 'cross'],
  interrupts: ['#4D4D4D', '#D0D0D0', 'bars'],
  vrapl: ['#6E6E6E', '#B0B0B0', 'dots'],
  emulator: ['#8A8A8A', '#929292', 'cross'],
  kernel: ['#7D8590', '#8E959E', 'falling'],
  other: ['#A3A9B0', '#6E747B', 'rising'],
  stolen: ['#E6E6E6', '#303030', 'bars'],
};

let dark = false;

function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// How one owner of curves looks.
function styleOf(owner) {
  const { kind } = owners[owner];
  if (kind !== 'vm') {
    const [light, night, pattern] = greys[kind] || greys.other;
    const colour = dark ? night : light;
    return { colour, line: dark ? '#B8BCC2' : '#5B6066', pattern, dash: dashes[(owner + 1) % dashes.length] };
  }
  const rank = owners.slice(0, owner).filter((one) => one.kind === 'vm').length;
  const colour = vmColours[rank % vmColours.length];
  return {
    colour,
    line: (!dark && lineColours[colour]) || colour,
    pattern: patterns[rank % patterns.length],
    dash: dashes[rank % dashes.length],
  };
}

function drawPattern(context, pattern, size) {
  const line = (x1, y1, x2, y2) => {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  };
  if (pattern === 'rising' || pattern === 'cross') {
    line(-1, size + 1, size + 1, -1);
    line(-1, 1, 1, -1);
    line(size - 1, size + 1, size + 1, size - 1);
  }
  if (pattern === 'falling' || pattern === 'cross') {
    line(-1, -1, size + 1, size + 1);
    line(-1, size - 1, 1, size + 1);
    line(size - 1, -1, size + 1, 1);
  }
  if (pattern === 'bars') line(size / 2, 0, size / 2, size);
  if (pattern === 'dots') {
    context.beginPath();
    context.arc(size / 2, size / 2, 1.2, 0, 2 * Math.PI);
    context.fill();
  }
}

// To fill an area of a canvas with.
function fillOf(context, style) {
  if (style.pattern === 'solid') return style.colour;
  const size = 8;
  const scale = window.devicePixelRatio || 1;
  const tile = document.createElement('canvas');
  tile.width = tile.height = Math.round(size * scale);
  const on = tile.getContext('2d');
  on.scale(tile.width / size, tile.height / size);
  on.fillStyle = style.colour;
  on.fillRect(0, 0, size, size);
  on.strokeStyle = on.fillStyle = style.colour === '#FFFFFF' ? 'rgba(0,0,0,0.45)' : 'rgba(255,255,255,0.55)';
  on.lineWidth = 1;
  drawPattern(on, style.pattern, size);
  const fill = context.createPattern(tile, 'repeat');
  fill.setTransform(new DOMMatrix().scale(size / tile.width, size / tile.height));
  return fill;
}

// Cividis: even steps in lightness, for all colour vision (Nunez, Anderton, Renslow, 2018).
const cividis = ['00224E', '123570', '3B496C', '575D6D', '707173', '8A8678', 'A59C74', 'C3B369', 'E1CC55', 'FEE838'].map(
  (hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)),
);

function heatColour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (cividis.length - 1);
  const low = Math.min(Math.floor(at), cividis.length - 2);
  const mixed = [0, 1, 2].map((i) => Math.round(cividis[low][i] + (cividis[low + 1][i] - cividis[low][i]) * (at - low)));
  return `rgb(${mixed.join(',')})`;
}
