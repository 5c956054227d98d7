import { element, required } from "./dom";
import { qrCode } from "./links";

/** A watch link's QR code as large as the screen, for a room to read from the projector. */
export class Projection {
  readonly #dialog = required<HTMLDialogElement>("projection");

  show(address: string): void {
    const close = element("button", { type: "button", class: "button", autofocus: true }, "Close");
    close.onclick = () => this.#dialog.close();
    this.#dialog.replaceChildren(
      element("h2", { id: "projection-title" }, "Watch along"),
      element("img", { class: "qr", src: qrCode(address), alt: "QR code of the link" }),
      element("p", { class: "projection-address" }, address),
      close,
    );
    this.#dialog.onclick = (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    };
    this.#dialog.showModal();
  }
}
