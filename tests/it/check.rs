//! `katahost check`: every kind of mistake with its file and line, and no false alarm.

use std::{fs, path::Path};

use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use katahost::scenario::{
    Config, Page,
    check::{Scenario, check},
    config::ConfigFiles,
};

use crate::harness::program::run;

const CONFIG: &str = ".katapod_config.json";

/// A folder `lab` with these files, and with an entry page and a config where they are not among
/// them. A file whose text is `-` is left out.
fn lab(files: &[(&str, &str)]) -> (TempDir, String) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("lab");
    let config = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
    let usual = [("intro.md", "# Lab\n"), (CONFIG, config)];
    for (name, text) in usual.iter().chain(files) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if *text == "-" {
            fs::remove_file(path).unwrap();
        } else {
            fs::write(path, text).unwrap();
        }
    }
    (temp, root.to_str().unwrap().to_owned())
}

/// What `check` finds, and its exit code.
fn found(path: &str) -> (Vec<Value>, Option<i32>) {
    let output = run(&["check", path, "--json"], &[]);
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    (found, output.status.code())
}

fn places(found: &[Value]) -> Vec<(String, String, u64)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let place = |one: &Value| {
        let line = one["line"].as_u64().unwrap_or_default();
        (text(one, "code"), text(one, "file"), line)
    };
    found.iter().map(place).collect()
}

/// Checks that this is all there is to find in a scenario of these files. Line 0 is no line.
fn check_finds(files: &[(&str, &str)], code: &str, file: &str, line: u64) {
    let (_temp, root) = lab(files);
    let (found, exit) = found(&root);
    let expected = [(code.to_owned(), file.to_owned(), line)];
    assert_eq!(places(&found), expected, "{files:?}: {found:#?}");
    let is_error = found[0]["severity"] == "error";
    assert_eq!(exit, Some(i32::from(is_error)), "{code}");
    assert!(found[0]["hint"].is_string(), "{code} has no hint");
}

#[test]
fn each_mistake_of_a_page_is_found_in_its_line() {
    let intro = [
        (
            "x\n\n[a](command:katapod.loadPage?stpe2)",
            "unknown-step",
            3,
        ),
        (
            "x\n\n<a href='command:katapod.loadPage?x'>y</a>",
            "unknown-step",
            3,
        ),
        (
            "x\n\n<div>\n <a\n href='command:katapod.loadPage?x'>y</a></div>",
            "unknown-step",
            4,
        ),
        ("[a](command:katapod.loadPage?../x)", "step-outside", 1),
        ("[a](command:katapod.loadPage?[{)", "unreadable-link", 1),
        ("[a](command:katapod.loadPage)", "link-without-step", 1),
        ("[a](command:katapod.lodaPage)", "unknown-command", 1),
        ("[a](command:katahost.runBlock)", "unknown-command", 1),
        ("[a](command:katapod.sendText)", "link-without-text", 1),
        ("a\n```\n### nosuch\nls\n```", "unknown-terminal", 3),
        (
            "```\n### {terminalId: \"api\"}\nls\n```",
            "header-not-json",
            2,
        ),
        ("```\n### terminalId=api\nls\n```", "header-not-json", 2),
        ("```\n### \"api\"\nls\n```", "header-sets-nothing", 2),
        (
            "```\n### {\"maxInvocations\": -1}\nls\n```",
            "limit-never-runs",
            2,
        ),
        (
            "```\n### {\"maxInvocations\": \"2\"}\nls\n```",
            "limit-not-number",
            2,
        ),
        (
            "```\n### {\"execute\": \"false\"}\nls\n```",
            "execute-not-boolean",
            2,
        ),
        (
            "```\n### {\"terminalID\": \"api\"}\nls\n```",
            "unknown-key",
            2,
        ),
        (
            "```\n### {\"macrosBefore\": \"ctrl_c\"}\nls\n```",
            "macros-not-array",
            2,
        ),
        (
            "```\n### {\"macrosBefore\": [\"ctrl_d\"]}\nls\n```",
            "unknown-macro",
            2,
        ),
        ("x\n\n![](images/no.png)", "missing-file", 3),
        ("x\n\n<img src=images/no.png>", "missing-file", 3),
        ("[x](docs/no.txt)", "missing-file", 1),
        (
            "[x](step2)\n[y](command:katapod.loadPage?step2)",
            "missing-file",
            1,
        ),
        ("x\n![](../up.png)", "address-outside", 2),
        ("<p><a href='javascript:x'>y</a></p>", "address-refused", 1),
        ("<div>\n<script>x</script></div>", "element-removed", 2),
        ("<style>\na {}\n</style>", "element-removed", 1),
        ("a <blink>b</blink>", "element-removed", 1),
        ("<p\n onclick='x'>y</p>", "attribute-removed", 1),
        ("a\n<p style='position:fixed'>y</p>", "style-removed", 2),
        (
            "```\n### host\ncd /tmp\ncd /workspace/other/x\n```",
            "foreign-path",
            4,
        ),
        ("<p title=\"\n\n```\nls\n```", "block-hidden", 3),
    ];
    for (markdown, code, line) in intro {
        let step2 = markdown.contains("y](command:katapod.loadPage?step2)");
        let second = if step2 {
            [("step2.md", "# Two")].as_slice()
        } else {
            &[]
        };
        let files = [&[("intro.md", markdown)], second].concat();
        check_finds(&files, code, "intro.md", line);
    }
}

#[test]
fn each_mistake_of_a_config_is_found_in_its_line() {
    let on_load = |commands: &str| {
        format!(
            "{{\"layout\": {{\"terminals\": [{{\"id\": \"host\"}}]}},\n\
             \"navigation\": {{\"onLoadCommands\": {{\n{commands}\n}}}}}}"
        )
    };
    let terminals = |count: usize| {
        let ids = (0..count).map(|number| serde_json::json!({ "id": format!("t{number}") }));
        ids.collect::<Value>()
    };
    let cases = [
        ("{\n\"layout\": 1,\n}".to_owned(), "config-not-json", 3),
        ("{\"layout\": {}}".to_owned(), "config-without-terminals", 1),
        (
            "{\"layout\": {\"terminals\": [{\"id\": \"a\"},\n{\"id\": \"a\"}]}}".to_owned(),
            "terminal-repeated",
            2,
        ),
        (
            "{\"layout\": {\"terminals\": [{\"id\": \"a\"},\n{\"id\": 7}]}}".to_owned(),
            "terminal-id-not-string",
            2,
        ),
        (
            format!("{{\"layout\":\n{{\"terminals\": {}}}}}", terminals(101)),
            "too-many-terminals",
            2,
        ),
        (
            "{\"layout\": {\"terminals\": [{\"id\": \"a\"},\n{}]}}".to_owned(),
            "terminal-without-id",
            2,
        ),
        (
            on_load("\"intro\": {\"host\": [{\"command\": \"a\"},\n{\"command\": \"b\"}]}"),
            "on-load-never-runs",
            4,
        ),
        (
            on_load("\"intro\": {\"host\": [{\n\"command\": \"a\",\n\"execute\": false}]}"),
            "on-load-never-runs",
            4,
        ),
        (
            on_load("\"intro\": {\"host\": [{\"command\": \"a\", \"maxInvocations\": 0}]}"),
            "limit-never-runs",
            3,
        ),
        (
            on_load("\"intro\": {\"host\": [{\"command\": \"a\",\n\"maxInvocations\": \"1\"}]}"),
            "limit-not-number",
            4,
        ),
        (
            on_load("\"intro\": {\"hots\": [\n{\"command\": \"a\"}]}"),
            "unknown-terminal",
            3,
        ),
        (
            on_load("\"outro\": {\"host\": [{\"command\": \"a\"}]}"),
            "on-load-unknown-step",
            3,
        ),
        (
            on_load("\"intro\": {\"host\": [{}]}"),
            "on-load-without-command",
            3,
        ),
        (on_load("\"intro\": {\"host\": {}}"), "on-load-not-list", 3),
        (on_load("\"intro\": []"), "on-load-not-object", 3),
        (
            on_load("\"intro\": {\"host\": [\n{\"command\": \"/workspace/other/x.sh\"}]}"),
            "foreign-path",
            4,
        ),
    ];
    for (config, code, line) in &cases {
        check_finds(&[(CONFIG, config)], code, CONFIG, *line);
    }
}

#[test]
fn each_mistake_of_a_folder_is_found() {
    let to = |step: &str| format!("[x](command:katapod.loadPage?{step})");
    check_finds(
        &[("intro.md", "-"), ("step1.md", "# One")],
        "missing-intro",
        "intro.md",
        0,
    );
    check_finds(&[("step1.md", "# One")], "step-unreachable", "step1.md", 0);
    let both = format!("{} {}", to("step1"), to("Step1"));
    let files = [
        ("intro.md", both.as_str()),
        ("step1.md", "# A"),
        ("Step1.md", "# B"),
    ];
    check_finds(&files, "steps-differ-in-case", "step1.md", 0);
    let files = [("intro.md", "![](images/A.png)"), ("images/a.png", "x")];
    check_finds(&files, "missing-file", "intro.md", 1);
    check_finds(
        &[("intro.md", &"x".repeat(5_000_000))],
        "unreadable-step",
        "intro.md",
        0,
    );
    check_finds(
        &[(CONFIG, &" ".repeat(2_000_000))],
        "config-unreadable",
        CONFIG,
        0,
    );
}

#[test]
fn page_that_is_not_utf8_is_told_with_its_line() {
    let (_temp, root) = lab(&[]);
    fs::write(Path::new(&root).join("intro.md"), b"# Lab\n\nd\xe9j\xe0").unwrap();
    let (found, exit) = found(&root);
    let expected = [("not-utf8".to_owned(), "intro.md".to_owned(), 3)];
    assert_eq!((places(&found), exit), (expected.to_vec(), Some(0)));
}

#[test]
fn what_is_right_raises_no_alarm() {
    let intro = "# Lab\n\n[Next](command:katapod.loadPage?step1){.steps}\n\n\
        ```sh\n### {\"terminalId\": \"api\", \"maxInvocations\": 1, \"other\": 2}\n\
        cd /workspace/lab/x; ls /workspace\n```\n\n```\n### api\n### host\n```\n\n\
        ![a](/images/my%20a.png) <img src='images/my a.png?x=1'>\n\n\
        <a href='command:katapod.loadPage?[{\"step\":\"step1\"}]' rel=noopener>x</a>\n\n\
        `<script>`, \\<b>, 1 < 2\n\n[doc](docs/a.pdf#page=2) [web](https://example.com)\n";
    let files = [
        ("intro.md", intro),
        ("step1.md", "[back](command:katapod.start) [up](#top)"),
        ("README.md", "[dead](command:katapod.loadPage?x)"),
        ("CONTRIBUTING.md", "# How"),
        ("images/my a.png", "x"),
        ("docs/a.pdf", "x"),
    ];
    let (_temp, root) = lab(&files);
    assert_eq!(found(&root), (Vec::new(), Some(0)));
}

#[test]
fn report_reads_like_a_compilers() {
    let intro = "# Lab\n\n[Next](command:katapod.loadPage?step2)\n\n```\n### hots\nls\n```\n";
    let (_temp, root) = lab(&[("intro.md", intro), ("step1.md", "# One")]);
    let output = run(&["check", &root], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "\
error: the link `Next` loads `step2`, a step that does not exist
  --> intro.md:3:33
   |
 3 | [Next](command:katapod.loadPage?step2)
   |                                 ^^^^^
   = hint: did you mean `step1`?

warning: unknown terminal `hots` in block 0
  --> intro.md:6:5
   |
 6 | ### hots
   |     ^^^^
   = hint: did you mean `host`? this scenario has `host` and `api`; the first, `host`, is used instead

warning: no way of links leads from `intro` to `step1`
  --> step1.md
   = hint: link to it: [Next](command:katapod.loadPage?step1)

1 scenario, 2 steps: 1 error, 2 warnings
"
    );
    let (found, _) = found(&root);
    let keys: Vec<&String> = found[0].as_object().unwrap().keys().collect();
    let expected = [
        "severity",
        "code",
        "message",
        "file",
        "line",
        "column",
        "endLine",
        "endColumn",
        "hint",
        "fix",
    ];
    assert_eq!(keys, expected);
    assert_eq!(found[0]["column"], 33);
}

#[test]
fn path_without_a_scenario_is_refused_with_code_2() {
    let temp = tempfile::tempdir().unwrap();
    let missing = temp.path().join("missing");
    for path in [missing.to_str().unwrap(), temp.path().to_str().unwrap()] {
        let output = run(&["check", path], &[]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert!(stderr.contains("\nhint: "), "{stderr}");
    }
}

#[test]
fn shipped_scenarios_are_clean() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    assert_eq!(found(folder.to_str().unwrap()), (Vec::new(), Some(0)));
}

#[test]
fn inspection_tells_the_same() {
    let (_temp, root) = lab(&[("intro.md", "![](no.png)")]);
    let output = run(&["inspect", &root, "--json"], &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (mut found, _) = found(&root);
    for one in found.iter_mut().filter_map(Value::as_object_mut) {
        // What only editors ask for.
        one.retain(|key, _| !["endLine", "endColumn", "fix"].contains(&key.as_str()));
    }
    assert_eq!(report["diagnostics"], Value::Array(found));
}

/// The mistakes of the real scenarios beside the repository, each read and judged by hand.
const CORPUS: &str = "\
astra-cli-scenario-katapod/intro.md:43 missing-file
astra-cli-scenario-katapod/intro.md:52 missing-file
astra-cli-scenario-katapod/intro.md:56 missing-file
cassandra-fundamentals-bulk-loading/step2-astra.md:27 element-removed
cassandra-fundamentals-bulk-loading/step2-cassandra.md:27 element-removed
edge-cases/.katapod_config.json:29 unknown-terminal
edge-cases/.katapod_config.json:39 on-load-never-runs
edge-cases/.katapod_config.json:44 limit-not-number
edge-cases/.katapod_config.json:47 on-load-never-runs
edge-cases/.katapod_config.json:51 on-load-never-runs
edge-cases/bom.md:0 step-unreachable
edge-cases/crlf.md:0 step-unreachable
edge-cases/empty.md:0 step-unreachable
edge-cases/fences.md:0 step-unreachable
edge-cases/flags.md:0 step-unreachable
edge-cases/flags.md:12 execute-not-boolean
edge-cases/flags.md:17 execute-not-boolean
edge-cases/flags.md:32 unknown-macro
edge-cases/flags.md:42 macros-not-array
edge-cases/headers.md:0 step-unreachable
edge-cases/headers.md:37 header-not-json
edge-cases/headers.md:66 header-sets-nothing
edge-cases/headers.md:71 header-sets-nothing
edge-cases/headers.md:76 header-sets-nothing
edge-cases/headers.md:81 header-sets-nothing
edge-cases/headers.md:86 header-sets-nothing
edge-cases/headers.md:96 unknown-terminal
edge-cases/headers.md:111 header-not-json
edge-cases/headers.md:116 unknown-terminal
edge-cases/headers.md:121 unknown-terminal
edge-cases/limits.md:0 step-unreachable
edge-cases/limits.md:7 limit-not-number
edge-cases/limits.md:12 limit-never-runs
edge-cases/limits.md:17 limit-never-runs
edge-cases/limits.md:32 limit-not-number
edge-cases/limits.md:37 limit-not-number
edge-cases/limits.md:42 limit-not-number
edge-cases/links.md:0 step-unreachable
edge-cases/links.md:9 unknown-step
edge-cases/media.md:0 step-unreachable
katapod-demo-scenario/.katapod_config.json:36 on-load-unknown-step
katapod-scenario-template/intro.md:3 style-removed
katapod-scenario-template/intro.md:4 style-removed
katapod-scenario-template/intro.md:5 style-removed
katapod-scenario-template/feature-demo.md:0 step-unreachable
katapod-scenario-template/feature-demo.md:29 address-refused
katapod-scenario-template/start-astra.md:3 style-removed
katapod-scenario-template/start-astra.md:4 style-removed
katapod-scenario-template/start-astra.md:5 style-removed
katapod-scenario-template/start-astra.md:6 style-removed
katapod-scenario-template/start-astra.md:9 style-removed
katapod-scenario-template/step2.md:4 unknown-step
seed-page/.katapod_config.json:28 on-load-unknown-step
seed-page/.katapod_config.json:31 foreign-path
seed-page/.katapod_config.json:35 on-load-unknown-step
seed-page/.katapod_config.json:38 foreign-path
seed-page/.katapod_config.json:43 on-load-unknown-step
seed-page/.katapod_config.json:46 foreign-path
seed-page/.katapod_config.json:50 on-load-unknown-step
seed-page/.katapod_config.json:53 foreign-path
seed-page/step10.md:12 unknown-step
seed-page/step10.md:16 unknown-step
seed-page/step10.md:25 missing-file
seed-page/step10.md:88 missing-file
seed-page/step10.md:97 unknown-step
seed-page/step10.md:100 unknown-step
seed-page/intro.md:0 missing-intro
";

#[test]
fn corpus_has_the_mistakes_that_were_verified_and_no_others() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if !corpus.is_dir() {
        return;
    }
    let (found, exit) = found(corpus.to_str().unwrap());
    let lines: Vec<String> = places(&found)
        .into_iter()
        .map(|(code, file, line)| format!("{file}:{line} {code}"))
        .collect();
    assert_eq!(lines.join("\n"), CORPUS.trim());
    assert_eq!(exit, Some(1));
}

/// Pieces of which some pages are clean and some are not.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z <>&*`]{0,10}",
        Just("\n\n".to_owned()),
        Just("\n```sh\n### cqlsh\nls\n```\n".to_owned()),
        Just("\n```\n### nosuch\nls\n```\n".to_owned()),
        Just("[a](command:katapod.loadPage?intro)".to_owned()),
        Just("[a](command:katapod.loadPage?x)".to_owned()),
        Just("<b title='x'>".to_owned()),
        Just("<i onclick='x'>".to_owned()),
        Just("<a href='javascript:x'>y</a>".to_owned()),
        Just("<img src=a.png>".to_owned()),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn prop_what_check_calls_clean_renders_without_diagnostics(markdown in markdown()) {
        let (config, _) = Config::read(ConfigFiles::default());
        let page = Page::parse_for_author("intro", &markdown, &config);
        let whole = check(Scenario {
            name: "lab",
            config: &config,
            steps: &["intro".to_owned()],
            pages: std::slice::from_ref(&page),
            ways: None,
            files: &["a.png".to_owned()],
            commands: &[],
        });
        let shown = Page::parse("intro", &markdown, &config);
        let clean = page.diagnostics.is_empty();
        prop_assert!(!clean || shown.diagnostics.is_empty());
        prop_assert!(shown.diagnostics.iter().all(|one| page.diagnostics.contains(one)));
        prop_assert_eq!(&shown.html, &page.html);
        let removed = ["onclick", "javascript:"].iter().any(|word| shown.html.contains(word));
        prop_assert!(!clean || !removed || !whole.is_empty());
    }
}
