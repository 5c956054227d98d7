import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import sql from "highlight.js/lib/languages/sql";
import yaml from "highlight.js/lib/languages/yaml";
import { cql } from "./cql";
import type { Disposable } from "./events";

const LANGUAGES = { bash, cql, java, javascript, json, python, sql, yaml };
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);
hljs.registerAliases(["shell", "console"], { languageName: "bash" });

// The first screen is coloured before it is painted; the rest when it comes near.
const AT_ONCE_BLOCKS = 16;
const AT_ONCE_CHARACTERS = 20_000;
// Colours are no help in a wall of text, and cost most there.
const LONGEST_CHARACTERS = 100_000;

interface TokenNode {
  scope?: string;
  language?: string;
  children: (string | TokenNode)[];
}

// highlight.js gives HTML as well; its tree becomes elements without any parsing.
function append(target: Element, node: TokenNode): void {
  for (const child of node.children) {
    if (typeof child === "string") {
      target.append(child);
    } else if (child.scope) {
      const span = document.createElement("span");
      span.className = `t-${child.scope.split(".")[0] ?? ""}`;
      append(span, child);
      target.append(span);
    } else {
      append(target, child);
    }
  }
}

function colour(code: HTMLElement, language: string): void {
  const text = code.textContent;
  if (text.length > LONGEST_CHARACTERS) return;
  const { _emitter } = hljs.highlight(text, { language, ignoreIllegals: true });
  const root = (_emitter as unknown as { rootNode: TokenNode }).rootNode;
  code.replaceChildren();
  append(code, root);
}

function languageOf(code: Element): string | null {
  const name = /(?:^|\s)language-(\S+)/.exec(code.className)?.[1]?.toLowerCase();
  return name && hljs.getLanguage(name) ? name : null;
}

/** Colours the code of a page: what is seen first at once, the rest as it is scrolled to. */
export function highlightAll(content: ParentNode, scroller: Element): Disposable {
  const waiting = new Map<Element, [HTMLElement, string]>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        const known = isIntersecting && waiting.get(target);
        if (!known) continue;
        observer.unobserve(target);
        colour(...known);
      }
    },
    { root: scroller, rootMargin: "1200px 0px" },
  );
  let blocks = 0;
  let characters = 0;
  for (const code of content.querySelectorAll<HTMLElement>("pre > code")) {
    const language = languageOf(code);
    if (!language) continue;
    blocks += 1;
    characters += code.textContent.length;
    if (blocks <= AT_ONCE_BLOCKS && characters <= AT_ONCE_CHARACTERS) {
      colour(code, language);
    } else {
      waiting.set(code, [code, language]);
      observer.observe(code);
    }
  }
  return { dispose: () => observer.disconnect() };
}
