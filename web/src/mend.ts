import { element } from "./dom";
import type { Disposable } from "./events";

/** Mends what authors' HTML lacks for people who do not see it, or who use no mouse. */
export function mendHtml(content: Element): void {
  for (const link of content.querySelectorAll<HTMLAnchorElement>("a[href]")) {
    // A page on the network opens beside the lab, never in its place.
    if (/^(https?:|files\/)/i.test(link.getAttribute("href") ?? "")) link.target = "_blank";
  }
  // The lab around the page is the main landmark already.
  for (const main of content.querySelectorAll("main")) {
    const plain = element("div");
    for (const { name, value } of main.attributes) plain.setAttribute(name, value);
    plain.classList.add("main");
    plain.append(...main.childNodes);
    main.replaceWith(plain);
  }
  for (const image of content.querySelectorAll("img:not([alt])")) {
    image.setAttribute("alt", textOf(image.getAttribute("src") ?? ""));
  }
  for (const table of content.querySelectorAll("table")) {
    const frame = element("div", { class: "table-frame" });
    table.replaceWith(frame);
    frame.append(table);
  }
}

/** A file's name as words, which is better than nothing. */
function textOf(src: string): string {
  const file = src.split(/[?#]/)[0]?.split("/").pop() ?? "";
  return file.replace(/\.\w+$/, "").replace(/[-_]+/g, " ");
}

/** Lets the keyboard scroll what is wider than the page, once it comes near. */
export function focusWide(content: Element, scroller: Element): Disposable {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        const wide = target.scrollWidth > target.clientWidth;
        if (wide) target.setAttribute("tabindex", "0");
        else target.removeAttribute("tabindex");
      }
    },
    { root: scroller, rootMargin: "3000px 0px" },
  );
  for (const target of content.querySelectorAll("pre, .table-frame")) observer.observe(target);
  return { dispose: () => observer.disconnect() };
}
