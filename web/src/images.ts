import { element } from "./dom";
import { type Disposable, listen } from "./events";
import { decodeUri } from "./uri";

const DECORATION = ".scenario-academy-logo, .logo-astradb img, .logo-cassandra img";

/**
 * Where an image that pages load from their own repository lies in the scenario's folder: offline
 * it is served from there.
 */
export function localCopy(src: string): string | null {
  const raw =
    /^https?:\/\/raw\.githubusercontent\.com\/[^/]+\/[^/]+\/(?:refs\/heads\/)?[^/]+\/(.+)$/;
  const blob = /^https?:\/\/github\.com\/[^/]+\/[^/]+\/(?:raw|blob)\/[^/]+\/([^?]+)/;
  const path = (raw.exec(src) ?? blob.exec(src))?.[1];
  return path ? `files/${path}` : null;
}

function replace(image: HTMLImageElement): void {
  if (image.matches(DECORATION)) {
    image.remove();
    return;
  }
  const file = decodeUri(image.src.split("/").pop()?.split("?")[0] ?? "");
  const text = image.alt || `image ${file}`;
  image.replaceWith(
    element("span", { class: "image-missing", role: "img", "aria-label": text }, text),
  );
}

/** Makes images that do not load graceful: a local copy, else their text in a frame. */
export function mendImages(root: ShadowRoot): Disposable {
  return listen(
    root,
    "error",
    (event) => {
      const image = event.target;
      if (!(image instanceof HTMLImageElement)) return;
      const copy = image.dataset.mended ? null : localCopy(image.src);
      image.dataset.mended = "yes";
      if (copy) image.src = copy;
      else replace(image);
    },
    { capture: true },
  );
}
