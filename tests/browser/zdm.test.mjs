// @ts-check
/**
 * The Zero Downtime Migration lab, walked as a learner walks it: five terminals, every step, every
 * block that can be run, with small stand-ins for the programs that the lab drives.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  copyFolder,
  corpus,
  House,
  LabView,
  launch,
  pause,
  profile,
  root,
  temporaryFolder,
  until,
  Wire,
  writeFiles,
} from "./house.mjs";

const HOST = "host-console";
const API = "api-console";
const CLIENT = "api-client-console";
const CONTAINER = "zdm-ansible-console";
const LOGS = "zdm-proxy-logs";
const SHELL = join(root, "tests/fixtures/programs/zdm/shell");

/**
 * A block, the terminal that must show its output, that output, and what the learner does then.
 * @typedef {[number, string, string | RegExp, ((lab: LabView) => Promise<void>)?]} Run
 */

/** Sets a value in the editor, saves, and leaves. @param {string} line */
const edit = (line) => async (/** @type {LabView} */ lab) => {
  const terminal = lab.terminal(CONTAINER);
  await terminal.type(line);
  await terminal.shows(line);
  await terminal.press("Control+x");
  await terminal.shows("Save modified buffer?");
  await terminal.press("y");
  await terminal.shows("File Name to Write");
  await terminal.press("Enter");
  await terminal.prompts();
};

/** @param {string} name */
const leaveEditor = (name) => async (/** @type {LabView} */ lab) => {
  await lab.terminal(name).press("Control+x");
  await lab.terminal(name).prompts();
};

/** What each step's blocks show, and where. @type {Record<string, Run[]>} */
const STEPS = {
  step1: [
    [0, HOST, "(rows of Origin)"],
    [1, API, "Uvicorn running on http://127.0.0.1:8000"],
    [2, HOST, /entries=3" \| jq\n\[\n\]/],
    [3, CLIENT, '"status": "New"'],
    [4, HOST, /status\/eva \| jq\n\[\n.*"New"/],
    [5, HOST, /T[\d:.]+\s+New/],
    [6, HOST, "previewing https://8000-lab.example/status/eva?entries=5"],
    [7, CLIENT, /Setting status to ModeCassandra_[\d-]+ \.\.\. done\. Sleeping/],
  ],
  step2_astra_ui: [],
  step2_astra_cli: [
    [
      0,
      HOST,
      "Enter your token",
      async (lab) => {
        await lab.terminal(HOST).type("AstraCS:secret\r");
        await lab.terminal(HOST).shows("saved (14 characters)");
      },
    ],
    [1, HOST, "File '.env' has been created"],
    [2, HOST, 'ASTRA_DB_SECURE_BUNDLE_PATH="/home/learner/.astra/scb/zdmtarget.zip"'],
    [3, HOST, "CREATE TABLE IF NOT EXISTS zdmapp.user_status"],
    [4, HOST, "schema of 1 lines applied"],
  ],
  step3: [
    [0, HOST, /100%\n.*tar -xvf[\s\S]*\nzdm-util-v2\.2\.0\n/],
    [1, LOGS, "find_addresses ready"],
    [
      2,
      HOST,
      "Private key of the proxy hosts:",
      async (lab) => {
        await lab.terminal(HOST).type("/home/learner/zdm_deploy_key\r");
        await lab.terminal(HOST).shows("Network prefix");
        await lab.terminal(HOST).type("\r");
        await lab.terminal(HOST).shows("container with zdm_deploy_key and 172.18.* is up");
      },
    ],
    [3, HOST, "cassandra-origin-1"],
  ],
  step4: [
    [0, CONTAINER, /^ubuntu@zdm-ansible-container:\$$/m],
    [1, HOST, "find_addresses ready"],
    [2, HOST, 'ASTRA_DB_ID="6f1c3b5e'],
    [3, CONTAINER, "zdm_proxy_cluster_config.yml", edit("origin_username: cassandra")],
    [4, CONTAINER, "failed=0 [deploy_zdm_proxy.yml, proxy 1]"],
    [5, HOST, "zdm-proxy-container"],
    [6, HOST, 'msg="Proxy connected and ready'],
    [7, HOST, '"TargetStatus": "UP"'],
  ],
  step5: [
    [0, CONTAINER, "zdm_monitoring_config.yml", edit("grafana_admin_password: secret")],
    [1, CONTAINER, "failed=0 [deploy_zdm_monitoring.yml, proxy 1]"],
    [2, HOST, "previewing https://3000-lab.example"],
  ],
  step6: [
    [0, LOGS, "zdmtarget.zip"],
    [1, LOGS, "secure-connect-zdmtarget.zip"],
    [2, LOGS, "find_addresses ready"],
    [3, HOST, "GNU nano", leaveEditor(HOST)],
    [4, API, "Started server process [ZDM_PROXY]"],
    [5, CLIENT, "Setting status to ModeProxy_"],
    [6, HOST, /T[\d:.]+\s+ModeProxy_/],
    [7, HOST, "(rows of Origin)"],
    [8, HOST, "(rows of Target)"],
  ],
  step7: [
    [0, HOST, "(rows of Target)"],
    [2, HOST, "HEAD is now at 9b8a375"],
    [3, HOST, "BUILD SUCCESS"],
    [4, HOST, /Migration finished with [1-9]\d* rows/],
    [5, HOST, /ModeCassandra_|New/],
  ],
  step8: [
    [0, LOGS, "gitpod@172.17.0.1:$"],
    [1, LOGS, /ReadMode\\":\\"PRIMARY_ONLY/],
    [2, CONTAINER, "zdm_proxy_core_config.yml", edit("read_mode: DUAL_ASYNC_ON_SECONDARY")],
    [3, CONTAINER, "failed=0 [rolling_update_zdm_proxy.yml, proxy 2]"],
    [4, LOGS, /ReadMode\\":\\"DUAL_ASYNC_ON_SECONDARY/],
    [6, HOST, /T[\d:.]+\s+ModeProxy_/],
  ],
  step9: [
    [0, CONTAINER, "read_mode: DUAL_ASYNC_ON_SECONDARY", edit("read_mode: PRIMARY_ONLY")],
    [1, CONTAINER, "failed=0 [rolling_update_zdm_proxy.yml, proxy 3]"],
    [2, LOGS, /ReadMode\\":\\"DUAL_ASYNC[\s\S]*\^C[\s\S]*ReadMode\\":\\"PRIMARY_ONLY/],
    [3, HOST, '"status": "TargetIsPrimary"'],
    [4, HOST, /TargetIsPrimary[\s\S]*\(rows of Origin\)/],
    [5, HOST, /TargetIsPrimary[\s\S]*\(rows of Target\)/],
    [7, HOST, /T[\d:.]+\s+TargetIsPrimary\n/],
  ],
  step10: [
    [0, API, "Started server process [ASTRA_DB]"],
    [1, CLIENT, "Setting status to ModeAstra_"],
    [2, HOST, /T[\d:.]+\s+ModeAstra_/],
    [3, HOST, "(rows of Origin)"],
  ],
  cleanup: [
    [0, HOST, /\nzdm-ansible-container\n/],
    [1, HOST, /\nzdm-proxy-container\n/],
    [2, HOST, /\nzdm-node-exporter-container\n[\s\S]*zdm-prometheus-metrics-volume/],
    [3, HOST, /\nvolume-of-origin\n/],
  ],
};

/** Runs all blocks of the step that is shown. @param {LabView} lab @param {string} step */
async function runAll(lab, step) {
  const runs = STEPS[step] ?? [];
  const cards = lab.content.locator('.block[data-kind="executable"] pre[data-block]');
  const found = await cards.evaluateAll((all) =>
    all.map((pre) => Number(pre.getAttribute("data-block"))),
  );
  assert.deepEqual(
    found,
    runs.map(([index]) => index),
    `the test knows what to expect of each block of ${step}`,
  );
  for (const [index, name, output, then] of runs) {
    const before = await lab.terminal(name).text();
    await lab.run(index);
    await lab.marked(index, "sent");
    // The same block may have left the same output before; what is new is what counts.
    await until(
      `${output} of block ${index} of ${step} in ${name}`,
      async () => {
        const text = await lab.terminal(name).text();
        const holds = typeof output === "string" ? text.includes(output) : output.test(text);
        return holds && text !== before;
      },
      { seen: () => lab.terminal(name).rows() },
    );
    await then?.(lab);
  }
}

/** Follows the step's own link to the next one. @param {LabView} lab @param {string} step */
async function next(lab, step) {
  const title = step.startsWith("step2")
    ? `Next (${step === "step2_astra_ui" ? "Astra UI" : "astra-cli"})`
    : step === "step1"
      ? "Start"
      : "Next";
  await lab.follow(lab.content.locator(`a[title="${title}"]`).last(), step);
}

const found = await corpus("zdm-scenario-katapod");

describe("the Zero Downtime Migration lab", { skip: found.skip }, () => {
  const temp = temporaryFolder();
  /** @type {import("playwright-core").Browser} */
  let browser;
  /** @type {House} */
  let house;
  /** @type {Wire} */
  let wire;
  /** @type {string} */
  let url;

  before(async () => {
    const { path } = await temp;
    const lab = join(path, "zdm-scenario-katapod");
    await copyFolder(found.path, lab);
    // What the lab's repository has beside its pages, as far as blocks lean on it.
    await writeFiles(lab, {
      "client_application/.env": "ASTRA_DB_CLIENT_ID=\n",
      "migration/README": "",
      "running_zdm_util/README": "",
      "secure-connect-zdmtarget.zip": "",
      "target_config/target_schema.cql":
        "CREATE TABLE IF NOT EXISTS zdmapp.user_status (user TEXT);\n",
    });
    house = await House.open(lab, { shell: SHELL, home: path });
    wire = await Wire.to(house.port);
    // The wire is another port of the same host, and so another address for the browser.
    const through = new URL(house.url);
    through.port = String(wire.port);
    url = through.href;
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    wire?.close();
    await house?.stop();
    await (await temp).remove();
  });

  test("is walked from intro to finish, with all blocks run", async () => {
    // Tall enough that output is on the screen when it is looked for.
    const context = await profile(browser, { viewport: { width: 1600, height: 2000 } });
    const lab = await LabView.open(context, url);
    await lab.showsStep("intro");
    assert.deepEqual(await lab.page.locator(".pane-name").allInnerTexts(), [
      HOST,
      API,
      CLIENT,
      CONTAINER,
      LOGS,
    ]);
    await lab.terminal(HOST).shows("finalize_origin ready");

    await next(lab, "step1");
    await runAll(lab, "step1");
    await next(lab, "step2_astra_cli");
    await runAll(lab, "step2_astra_cli");
    await next(lab, "step3");
    await runAll(lab, "step3");
    await next(lab, "step4");
    await lab.terminal(HOST).shows("gitpodize_zac ready");
    await runAll(lab, "step4");

    await reloadShowsTheSame(lab);

    await next(lab, "step5");
    await runAll(lab, "step5");
    await next(lab, "step6");
    await runAll(lab, "step6");
    await restartedOnceInOrder(lab, "CASSANDRA", "ZDM_PROXY");

    await secondTabShowsTheSame(lab, context);

    await next(lab, "step7");
    await runAll(lab, "step7");

    await lostNetworkLosesNothing(lab, wire);

    await next(lab, "step8");
    await lab.terminal(LOGS).shows("prepare_for_ssh ready");
    await runAll(lab, "step8");
    await next(lab, "step9");
    await runAll(lab, "step9");
    await next(lab, "step10");
    await runAll(lab, "step10");
    await restartedOnceInOrder(lab, "ZDM_PROXY", "ASTRA_DB");
    await next(lab, "cleanup");
    await runAll(lab, "cleanup");
    await next(lab, "finish");
    await lab.terminal(HOST).shows("closing ready");
    await lab.content.getByText("Congratulations, you just completed").waitFor();

    assert.deepEqual(lab.problems, []);
    await context.close();
  });

  test("goes by its other branch, which asks for nothing in a terminal", async () => {
    const context = await profile(browser);
    const lab = await LabView.open(context, url);
    await lab.page.getByRole("button", { name: "Start the lab over" }).click();
    await lab.page.getByRole("button", { name: "Start over", exact: true }).click();
    await lab.showsStep("intro");
    await lab.terminal(HOST).shows("finalize_origin ready");
    await next(lab, "step1");
    await next(lab, "step2_astra_ui");
    await runAll(lab, "step2_astra_ui");
    assert.equal(await lab.state(0), "quiet");
    await next(lab, "step3");
    assert.deepEqual(lab.problems, []);
    await context.close();
  });
});

/** A reload keeps step, marks, screens and scrollback. @param {LabView} lab */
async function reloadShowsTheSame(lab) {
  await lab.terminal(HOST).type("for n in {1..300}; do echo line-$n-of-300; done\r");
  await lab.terminal(HOST).shows("line-300-of-300");
  await lab.terminal(HOST).prompts();
  const names = [HOST, API, CLIENT, CONTAINER];
  const read = () => Promise.all(names.map((name) => lab.terminal(name).text()));
  const marks = () =>
    lab.content.locator(".block").evaluateAll((all) => all.map((one) => one.dataset["state"]));
  const [screens, marked] = [await read(), await marks()];
  assert.ok(marked.includes("sent"));
  await lab.page.reload();
  await lab.ready();
  await lab.showsStep("step4");
  // The learner's loop goes on in `client`; the others rest.
  await lab.terminal(HOST).prompts();
  await until("the same screen", async () => (await read())[0] === screens[0], {
    seen: async () => [screens[0]?.split("\n"), await lab.terminal(HOST).rows()],
  });
  const after = await read();
  for (const index of [0, 1, 3]) assert.equal(after[index], screens[index], names[index]);
  assert.ok(after[2]?.startsWith(screens[2] ?? ""));
  assert.deepEqual(await marks(), marked);
  const lines = await lab.terminal(HOST).lines();
  const counted = lines.filter((line) => /^line-\d+-of-300$/.test(line));
  assert.deepEqual(
    counted,
    Array.from({ length: 300 }, (_, index) => `line-${index + 1}-of-300`),
  );
  // On-load commands run when a step is loaded, not when it is shown again.
  assert.equal(lines.filter((line) => line === "gitpodize_zac ready").length, 1);
}

/**
 * The old server ended before the new one was typed, which was typed once.
 * @param {LabView} lab
 * @param {string} old
 * @param {string} fresh
 */
async function restartedOnceInOrder(lab, old, fresh) {
  const rows = await lab.terminal(API).rows();
  const ended = rows.indexOf(`INFO:     Finished server process [${old}]`);
  const typed = rows.findIndex((row) => row.includes(`CLIENT_CONNECTION_MODE=${fresh} uvicorn`));
  assert.ok(ended >= 0 && ended < typed, rows.join("\n"));
  const started = rows.filter((row) => row === `INFO:     Started server process [${fresh}]`);
  assert.equal(started.length, 1, rows.join("\n"));
}

/**
 * @param {LabView} lab
 * @param {import("playwright-core").BrowserContext} context
 */
async function secondTabShowsTheSame(lab, context) {
  const other = await LabView.open(context, lab.page.url());
  await other.showsStep("step6");
  await lab.page.getByText("1 more here").waitFor();
  for (const name of [HOST, API, LOGS]) {
    const text = await lab.terminal(name).text();
    await until(`the same ${name}`, async () => (await other.terminal(name).text()) === text, {
      seen: async () => [text, await other.terminal(name).text()],
    });
  }
  await other.terminal(HOST).prompts();
  await other.run(6);
  await other.card(6).getByText("sent 2×").waitFor();
  await lab.card(6).getByText("sent 2×").waitFor();
  const read = () => Promise.all([lab, other].map((tab) => tab.terminal(HOST).rows()));
  await until(
    "the other tab's output",
    async () => {
      const [one = [], two = []] = await read();
      const ran = /\(rows of Target\)\n\$ curl .*\n\S+ +ModeProxy_\S+\n(?!.*\$ curl)/;
      return ran.test(one.join("\n")) && one.join("\n") === two.join("\n");
    },
    { seen: read },
  );
  await lab.terminal(HOST).type("echo typed here\r");
  await other.terminal(HOST).shows("\ntyped here\n");
  assert.deepEqual(other.problems, []);
  await other.page.close();
  await lab.page.locator("#connection", { hasText: /^Connected$/ }).waitFor();
}

/**
 * Output made while the network was away comes afterwards, once; so does a click's.
 * @param {LabView} lab
 * @param {Wire} wire
 */
async function lostNetworkLosesNothing(lab, wire) {
  const host = lab.terminal(HOST);
  await host.type("clear; for n in {1..12}; do echo away-$n; sleep 0.25; done\r");
  await host.shows("away-2");
  wire.cut();
  await lab.page.locator("#connection[data-state=lost]").waitFor();
  await lab.page.locator("#banner").getByText("Not connected").waitFor();
  await lab.run(0);
  await lab.marked(0, "sending");
  assert.ok(!(await host.text()).includes("away-12"));
  // The program goes on, and ends, with nobody there to see it.
  await pause(3000);
  assert.ok(!(await host.text()).includes("away-12"));
  wire.mend();
  // The page tries by itself as well, and may be the faster one.
  const tryNow = lab.page.getByRole("button", { name: "Try now" });
  await tryNow.click({ timeout: 1000 }).catch(() => undefined);
  await lab.page.locator("#connection[data-state=open]").waitFor();
  await host.shows("(rows of Target)");
  await lab.card(0).getByText("sent 2×").waitFor();
  await host.prompts();
  const lines = await host.lines();
  const away = lines.filter((line) => /^away-\d+$/.test(line));
  assert.deepEqual(
    away,
    Array.from({ length: 12 }, (_, index) => `away-${index + 1}`),
  );
  // `clear` leaves the scrollback: what the click typed is what comes after the last line.
  const rest = lines.slice(lines.indexOf("away-12"));
  assert.equal(rest.filter((line) => line === "(rows of Target)").length, 1, rest.join("\n"));
}
