// @ts-check
/** A link between the browser and the server that is far away and carries little. */

import { connect, createServer } from "node:net";

/** @import { Socket } from "node:net" */

// What waits in a router's queue before the sender has to slow down.
const QUEUE_BYTES = 64 * 1024;
const PIECE_BYTES = 4 * 1024;

/** What a link is like, in each direction. `roundTripMs` is the delay of both together. */
/** @typedef {{ roundTripMs: number, bitsPerSecond: number }} LinkQuality */

export class SlowLink {
  /** @type {Set<Socket>} */
  #sockets = new Set();
  #server;
  port = 0;

  /** @param {number} to @param {LinkQuality} quality */
  constructor(to, quality) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = connect({ port: to, host: "127.0.0.1", noDelay: true });
      this.#carry(near, far, quality);
      this.#carry(far, near, quality);
    });
  }

  /** @param {number} to @param {LinkQuality} quality */
  static async to(to, quality) {
    const link = new SlowLink(to, quality);
    await new Promise((done) => link.#server.listen(0, "127.0.0.1", () => done(null)));
    link.port = /** @type {import("node:net").AddressInfo} */ (link.#server.address()).port;
    return link;
  }

  /** @param {Socket} from @param {Socket} to @param {LinkQuality} quality */
  #carry(from, to, { roundTripMs, bitsPerSecond }) {
    let queued = 0;
    let freeAt = 0;
    /** @type {{ piece: Buffer, arrivesAt: number }[]} */
    const onTheWay = [];
    /** @type {NodeJS.Timeout | undefined} */
    let arrival;
    // One timer, since those of different delays may fire in another order than they are due.
    const arrive = () => {
      arrival = undefined;
      while (onTheWay[0] && onTheWay[0].arrivesAt <= performance.now()) {
        to.write(/** @type {{ piece: Buffer }} */ (onTheWay.shift()).piece);
      }
      const [next] = onTheWay;
      if (next) arrival = setTimeout(arrive, next.arrivesAt - performance.now());
    };
    this.#sockets.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      // What is on its way still arrives.
      setTimeout(() => to.destroy(), Math.max(0, freeAt - performance.now()) + roundTripMs);
    });
    from.on("data", (/** @type {Buffer} */ data) => {
      queued += data.length;
      if (queued > QUEUE_BYTES) from.pause();
      for (let at = 0; at < data.length; at += PIECE_BYTES) {
        const piece = data.subarray(at, at + PIECE_BYTES);
        const now = performance.now();
        freeAt = Math.max(freeAt, now) + (piece.length * 8000) / bitsPerSecond;
        setTimeout(() => {
          queued -= piece.length;
          if (queued <= QUEUE_BYTES) from.resume();
        }, freeAt - now);
        onTheWay.push({ piece, arrivesAt: freeAt + roundTripMs / 2 });
      }
      if (arrival === undefined) arrive();
    });
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
