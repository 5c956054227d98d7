interface HtmlPolicy {
  createHTML(html: string): string;
}

interface PolicyFactory {
  createPolicy(name: string, rules: HtmlPolicy): HtmlPolicy;
}

const factory = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;
const rules: HtmlPolicy = { createHTML: (html) => html };
const policy = factory?.createPolicy("katahost", rules) ?? rules;

/** Puts a page into an element: the one place where HTML of the server, sanitised there, comes in. */
export function setServerHtml(target: Element, html: string): void {
  target.innerHTML = policy.createHTML(html);
}
