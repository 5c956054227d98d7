import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/backoff";
import { textOfOsc52 } from "../src/clipboard";
import { contrast, schemeOn } from "../src/contrast";
import { localCopy } from "../src/images";
import { sentence } from "../src/notices";
import { visible } from "../src/visible";

test("backoff doubles from half a second to eight", () => {
  const backoff = new Backoff(() => 0);
  const delays = Array.from({ length: 7 }, () => backoff.next());
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

test("jitter shortens a wait by at most a third", () => {
  const backoff = new Backoff(() => 0.999);
  assert.ok(backoff.next() > 333);
});

test("contrast is that of WCAG", () => {
  assert.equal(Math.round(contrast([255, 255, 255], [0, 0, 0])), 21);
  assert.equal(contrast([9, 9, 9], [9, 9, 9]), 1);
});

test("ink is readable on every background", () => {
  assert.equal(schemeOn([255, 228, 181]), "light");
  assert.equal(schemeOn([72, 61, 139]), "dark");
  const inks = { light: [27, 32, 38], dark: [232, 236, 240] } as const;
  for (let r = 0; r < 256; r += 51) {
    for (let g = 0; g < 256; g += 51) {
      for (let b = 0; b < 256; b += 51) {
        assert.ok(contrast(inks[schemeOn([r, g, b])], [r, g, b]) > 3.6, `${r} ${g} ${b}`);
      }
    }
  }
});

test("only what is copied now leaves a terminal", () => {
  assert.equal(textOfOsc52(`c;${btoa("text")}`), "text");
  assert.equal(textOfOsc52("c;?"), null);
  assert.equal(textOfOsc52("p;dGV4dA=="), null);
  assert.equal(textOfOsc52("c;not base64!"), null);
});

test("images of the scenario's own repository have a local copy", () => {
  const raw = "https://raw.githubusercontent.com/Org/lab/main/images/a.png";
  assert.equal(localCopy(raw), "files/images/a.png");
  assert.equal(localCopy("https://github.com/Org/lab/raw/main/a.png?raw=true"), "files/a.png");
  assert.equal(localCopy("https://example.com/main/a.png"), null);
});

test("messages become sentences", () => {
  assert.equal(sentence("unknown step `x`"), "Unknown step `x`.");
  assert.equal(sentence("really?"), "Really?");
  assert.equal(sentence(""), "");
});

test("text hides nothing from its reader", () => {
  assert.equal(
    visible("ls\t-l\r\nrm \u202e-r\u200b f\r\u001b[8m"),
    "ls\t-l\nrm \\u{202e}-r\\u{200b} f\\u{d}\\u{1b}[8m",
  );
  assert.equal(visible("żółć 🎉"), "żółć 🎉");
});
