// Compares what `Screen::dump` restores with the real thing.
//
// Reads streams of terminal output and, for some cuts of each, the dump of the screen at the cut or
// before it. For every cut, terminal A gets the stream up to there and terminal B, fresh and of
// A's size, gets the dump and what follows up to the cut. Both are compared, then both get the rest of the stream and are compared
// again. Reads xterm.js's internals, as its API shows neither the hidden screen nor most modes.
//
// Where the input says how many of the newest lines of the scrollback count, those are compared, and
// nothing but the state at the cut.
//
// Usage: node compare.mjs <folder of package.json> < input.json > report.json

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'package.json'));
const { Terminal } = require('@xterm/headless');
const { Unicode11Addon } = require('@xterm/addon-unicode11');

/** What has to be equal for a case to count as exact; the other aspects make it complete. */
const EXACT = ['text', 'screen', 'scrollback', 'hidden', 'cursor', 'modes', 'title'];
const ASPECTS = [...EXACT, 'links', 'wrapped', 'pen', 'charsets', 'margins', 'tabs', 'saved', 'join'];

const FLAGS = { inverse: 0x4000000, bold: 0x8000000, underline: 0x10000000, blink: 0x20000000,
  invisible: 0x40000000, strike: 0x80000000 };
const BG_FLAGS = { italic: 0x4000000, dim: 0x8000000, overline: 0x40000000 };
/** What is seen of a cell without a character. */
const SEEN_ON_BLANKS = FLAGS.inverse | FLAGS.underline | FLAGS.strike;

function open(cols, rows, scrollback) {
  const terminal = new Terminal({ cols, rows, scrollback, allowProposedApi: true });
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = '11';
  const opened = { terminal, core: terminal._core, title: '', answers: '' };
  terminal.onTitleChange((title) => { opened.title = title; });
  terminal.onData((data) => { opened.answers += data; });
  return opened;
}

const write = (opened, bytes) => new Promise((done) => opened.terminal.write(bytes, done));

/** Feeds the stream from one offset to another, with the resizes in between. */
async function play(opened, stream, from, to) {
  let at = from;
  const due = (event) => (event.at > from || (from === 0 && event.at === 0)) && event.at <= to;
  for (const event of stream.resizes.filter(due)) {
    await write(opened, stream.bytes.subarray(at, event.at));
    at = event.at;
    opened.terminal.resize(event.cols, event.rows);
  }
  await write(opened, stream.bytes.subarray(at, to));
}

function colour(value) {
  const mode = value & 0x3000000;
  if (mode === 0) return 'default';
  if (mode === 0x3000000) return `rgb${value & 0xffffff}`;
  return `p${value & 0xff}`;
}

function attributes(fg, bg, extended, blank) {
  const flags = fg & (blank ? SEEN_ON_BLANKS : ~0x3ffffff);
  const bgFlags = bg & (blank ? BG_FLAGS.overline : BG_FLAGS.italic | BG_FLAGS.dim | BG_FLAGS.overline);
  const underlined = (fg & FLAGS.underline) !== 0;
  const kind = underlined ? extended.underlineStyle || 1 : 0;
  // SGR 59 leaves white behind in xterm.js 6.0, where it means the text's colour.
  const line = underlined && extended.underlineColor !== 0x3ffffff ? colour(extended.underlineColor) : 'default';
  const front = blank && !(flags & SEEN_ON_BLANKS) ? '' : colour(fg);
  return `${front}|${colour(bg)}|${flags >>> 0}|${bgFlags}|${kind}|${line}`;
}

function cells(opened, line, cols, cell) {
  const out = { text: [], looks: [], links: [] };
  for (let col = 0; col < cols; col++) {
    line.loadCell(col, cell);
    const chars = cell.getWidth() === 0 && cell.getChars() === '' ? '\0' : cell.getChars() || ' ';
    out.text.push(chars);
    out.looks.push(attributes(cell.fg, cell.bg, cell.extended, chars === ' '));
    const link = cell.extended.urlId ? opened.core._oscLinkService.getLinkData(cell.extended.urlId) : undefined;
    out.links.push(link ? link.uri : '');
  }
  return out;
}

function lines(opened, buffer, from, to, cols) {
  const cell = opened.terminal.buffer.active.getNullCell();
  const out = { text: [], looks: [], links: [], wrapped: [] };
  for (let index = from; index < to; index++) {
    const line = buffer.lines.get(index);
    const { text, looks, links } = cells(opened, line, cols, cell);
    out.text.push(text);
    out.looks.push(looks.join());
    out.links.push(links.join());
    out.wrapped.push(line.isWrapped);
  }
  return out;
}

function charsets(service) {
  const name = (set) => (set ? JSON.stringify(set).length : 0);
  return [service.glevel, name(service.charset), [0, 1, 2, 3].map((g) => name(service._charsets[g]))];
}

function saved(buffer, cols) {
  const { fg, bg } = buffer.savedCurAttrData;
  const y = buffer.savedY || 0;
  const set = buffer.savedCharset ? JSON.stringify(buffer.savedCharset).length : 0;
  return [Math.min(buffer.savedX || 0, cols - 1), y, colour(fg), fg & ~0x3ffffff, colour(bg), bg & 0xfc000000 & ~0x10000000, set];
}

function stateOf(opened, newest) {
  const { core, terminal } = opened;
  const { cols, rows } = terminal;
  const { normal, alt, active } = core._bufferService.buffers;
  const service = core.coreService;
  const screen = lines(opened, active, active.ybase, active.ybase + rows, cols);
  const above = Math.min(normal.ybase, newest ?? Infinity);
  const history = lines(opened, normal, normal.ybase - above, normal.ybase, cols);
  const hidden = active === alt ? lines(opened, normal, normal.ybase, normal.ybase + rows, cols) : undefined;
  const { synchronizedOutput: _, ...privateModes } = service.decPrivateModes;
  const pen = core._inputHandler._curAttrData;
  const mouse = core.coreMouseService;
  const each = (get) => [normal, ...(active === alt ? [alt] : [])].map(get);
  const link = pen.extended.urlId ? core._oscLinkService.getLinkData(pen.extended.urlId) : undefined;
  return {
    text: screen.text,
    screen: screen.looks,
    scrollback: [history.text, history.looks],
    hidden: hidden && [hidden.text, hidden.looks],
    cursor: [active.x, active.y, above, active === alt],
    modes: [service.modes, privateModes, service.isCursorHidden, mouse.activeProtocol, mouse.activeEncoding,
      terminal.options.convertEol, terminal.options.cursorBlink],
    title: opened.title,
    links: [screen.links, history.links, hidden?.links],
    wrapped: [screen.wrapped, history.wrapped.slice(1), hidden?.wrapped],
    pen: [attributes(pen.fg, pen.bg, pen.extended, false), link?.uri],
    charsets: charsets(core._charsetService),
    margins: each((buffer) => [buffer.scrollTop, buffer.scrollBottom]),
    tabs: each((buffer) => Array.from({ length: cols }, (_, col) => buffer.tabs[col] === true)),
    saved: [saved(normal, cols), saved(alt, cols)],
    join: core._inputHandler._parser.precedingJoinState,
  };
}

/** Number of cells whose text differs, for the screen alone. */
function wrongText(a, b) {
  let wrong = 0;
  a.forEach((row, y) => row.forEach((chars, x) => { wrong += chars === b[y]?.[x] ? 0 : 1; }));
  return wrong;
}

function firstDifference(a, b, path = '') {
  if (a && b && typeof a === 'object' && typeof b === 'object') {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = firstDifference(a[key], b[key], `${path}/${key}`);
      if (found) return found;
    }
    return undefined;
  }
  if (a === b) return undefined;
  return `${path}: ${JSON.stringify(a)?.slice(0, 400)} became ${JSON.stringify(b)?.slice(0, 400)}`;
}

function compare(a, b, newest) {
  const [one, two] = [stateOf(a, newest), stateOf(b, newest)];
  const different = {};
  // A saved cursor is remembered by its line's number, which counts the scrollback.
  for (const aspect of ASPECTS.filter((name) => newest === null || name !== 'saved')) {
    const found = firstDifference(one[aspect], two[aspect]);
    if (found) different[aspect] = found;
  }
  const total = one.text.reduce((sum, row) => sum + row.length, 0);
  return { different, cells: total, wrong: wrongText(one.text, two.text) };
}

async function judge(stream, { scrollback, newest }, { cut, dumped, dump }) {
  const a = open(stream.cols, stream.rows, scrollback);
  await play(a, stream, 0, dumped);
  const b = open(a.terminal.cols, a.terminal.rows, scrollback);
  await write(b, Buffer.from(dump, 'latin1'));
  const answers = b.answers;
  await play(a, stream, dumped, cut);
  await play(b, stream, dumped, cut);
  const atCut = compare(a, b, newest);
  const end = newest === null ? stream.bytes.length : cut;
  await play(a, stream, cut, end);
  await play(b, stream, cut, end);
  const atEnd = compare(a, b, newest);
  a.terminal.dispose();
  b.terminal.dispose();
  return { cut, answers, atCut, atEnd };
}

function count(results, when) {
  const tally = { cases: results.length, exact: 0, complete: 0, cells: 0, wrong: 0, different: {} };
  for (const { [when]: { different, cells: total, wrong } } of results) {
    tally.exact += EXACT.some((aspect) => aspect in different) ? 0 : 1;
    tally.complete += Object.keys(different).length === 0 ? 1 : 0;
    tally.cells += total;
    tally.wrong += wrong;
    for (const aspect of Object.keys(different)) tally.different[aspect] = (tally.different[aspect] ?? 0) + 1;
  }
  return tally;
}

const input = JSON.parse(readFileSync(0, 'utf8'));
const report = { streams: [], failures: [] };
const all = [];
for (const stream of input.streams) {
  stream.bytes = Buffer.from(stream.bytes, 'latin1');
  const results = [];
  for (const given of stream.cases) results.push(await judge(stream, input, given));
  all.push(...results);
  report.streams.push({ name: stream.name, atCut: count(results, 'atCut'), atEnd: count(results, 'atEnd') });
  for (const { cut, answers, atCut, atEnd } of results) {
    if (Object.keys({ ...atCut.different, ...atEnd.different }).length > 0 || answers) {
      const before = stream.bytes.subarray(Math.max(cut - 60, 0), cut).toString('latin1');
      report.failures.push({ stream: stream.name, cut, before, answers, atCut: atCut.different, atEnd: atEnd.different });
    }
  }
}
report.total = { atCut: count(all, 'atCut'), atEnd: count(all, 'atEnd'), answers: all.filter((one) => one.answers).length };
process.stdout.write(JSON.stringify(report));
