import { type Disposable, Disposables } from "./events";

/** The part of xterm's parser that is needed here; the headless build has it too. */
interface ParserHooks {
  registerCsiHandler(
    id: { prefix?: string; intermediates?: string; final: string },
    callback: () => boolean,
  ): Disposable;
  registerDcsHandler(
    id: { prefix?: string; intermediates?: string; final: string },
    callback: () => boolean,
  ): Disposable;
  registerOscHandler(ident: number, callback: (data: string) => boolean): Disposable;
}

// Names are those of xterm's control sequences document.
const CSI_QUERIES = [
  { final: "c" }, // DA1
  { prefix: ">", final: "c" }, // DA2
  { prefix: "=", final: "c" }, // DA3
  { final: "n" }, // DSR
  { prefix: "?", final: "n" }, // DECXCPR and its kin
  { intermediates: "$", final: "p" }, // DECRQM, ANSI modes
  { prefix: "?", intermediates: "$", final: "p" }, // DECRQM, private modes
  { prefix: ">", final: "q" }, // XTVERSION
  { final: "t" }, // window reports
  { prefix: "?", final: "u" }, // the kitty keyboard's flags
];
const COLOR_OSC = [4, 10, 11, 12];

/**
 * Keeps a terminal from answering programs: the server answers each question once, however many
 * tabs watch. Setting colours goes on to xterm.
 */
export function swallowQueries(parser: ParserHooks): Disposable {
  const hooks = new Disposables();
  for (const id of CSI_QUERIES) hooks.add(parser.registerCsiHandler(id, () => true));
  hooks.add(parser.registerDcsHandler({ intermediates: "$", final: "q" }, () => true)); // DECRQSS
  hooks.add(parser.registerDcsHandler({ intermediates: "+", final: "q" }, () => true)); // XTGETTCAP
  for (const ident of COLOR_OSC) {
    const isQuery = (data: string): boolean => data.split(";").includes("?");
    hooks.add(parser.registerOscHandler(ident, isQuery));
  }
  return hooks;
}
