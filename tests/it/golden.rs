//! Compares whole scenarios with what the original made of them.
//!
//! The scenarios and results lie outside the repository, in `../shared`; where that folder is
//! missing, the one that is ours, `edge-cases`, is still compared.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use katahost::scenario::config::{ConfigFiles, is_scenario};
use katahost::scenario::{Block, Config, Invocation, Page};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A result that differs from the original's on purpose.
struct Difference {
    scenario: &'static str,
    step: &'static str,
    /// A JSON pointer within the step.
    what: &'static str,
    /// What is there in ours, as JSON; `null` where there is nothing.
    here: &'static str,
    why: &'static str,
}

/// All deliberate differences that the corpus shows; `katapod-format.md` has the list of kinds.
const DIFFERENCES: [Difference; 7] = [
    demo(
        "/links/0/loads",
        r#""step3""#,
        "bare step names work in HTML links as well",
    ),
    demo("/blocks/0/executable", "false", PLANTUML),
    demo("/blocks/0/first_click", "null", PLANTUML),
    demo("/blocks/0/second_click", "null", PLANTUML),
    demo("/blocks/1/executable", "false", MERMAID),
    demo("/blocks/1/first_click", "null", MERMAID),
    demo("/blocks/1/second_click", "null", MERMAID),
];

const PLANTUML: &str = "plantuml is shown as text";
const MERMAID: &str = "mermaid is drawn as a diagram";

/// A difference on the page that shows all features.
const fn demo(what: &'static str, here: &'static str, why: &'static str) -> Difference {
    let (scenario, step) = ("katapod-scenario-template", "feature-demo");
    Difference {
        scenario,
        step,
        what,
        here,
        why,
    }
}

/// How much was compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    pages: usize,
    blocks: usize,
    links: usize,
}

#[test]
fn fixture_renders_as_the_original_did() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let counts = check(&fixtures, &fixtures, &["edge-cases".to_owned()]);
    assert_eq!(
        counts,
        Counts {
            pages: 10,
            blocks: 66,
            links: 16
        }
    );
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that was skipped should say so")]
fn corpus_renders_as_the_original_did() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let corpus = shared.join("corpus");
    if !corpus.is_dir() {
        eprintln!(
            "SKIPPED: there is no corpus of real scenarios at {}",
            corpus.display()
        );
        return;
    }
    let names: Vec<String> = sorted(&corpus).iter().map(|path| file_name(path)).collect();
    let counts = check(&corpus, &shared.join("golden"), &names);
    assert_eq!(
        counts,
        Counts {
            pages: 119,
            blocks: 393,
            links: 626
        }
    );
}

/// Compares scenarios with their golden results, and fails with a list of all that differs.
fn check(corpus: &Path, golden: &Path, names: &[String]) -> Counts {
    let mut counts = Counts::default();
    let mut mismatches = Vec::new();
    for name in names {
        let text = fs::read_to_string(golden.join(format!("{name}.json"))).unwrap();
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        apply_differences(name, &mut expected);
        let actual = scenario(name, &corpus.join(name), &mut counts);
        compare(name, &expected, &actual, &mut mismatches);
    }
    assert!(
        mismatches.is_empty(),
        "{} mismatches:\n{}",
        mismatches.len(),
        mismatches.join("\n")
    );
    counts
}

fn apply_differences(scenario: &str, expected: &mut Value) {
    for difference in DIFFERENCES
        .iter()
        .filter(|difference| difference.scenario == scenario)
    {
        let (parent, key) = difference.what.rsplit_once('/').unwrap();
        let parent = format!("/steps/{}{parent}", difference.step);
        let here = serde_json::from_str(difference.here).unwrap();
        let parent = expected.pointer_mut(&parent).expect(difference.why);
        let before = parent.as_object_mut().unwrap().insert(key.to_owned(), here);
        assert_ne!(
            before.as_ref(),
            Some(&parent[key]),
            "no difference any more: {}",
            difference.why
        );
    }
}

/// All that the golden results say of a scenario, as we see it.
fn scenario(name: &str, folder: &Path, counts: &mut Counts) -> Value {
    let config = fs::read_to_string(folder.join(".katapod_config.json")).ok();
    let gitpod = fs::read_to_string(folder.join(".gitpod.yml")).ok();
    let files = ConfigFiles {
        config: config.as_deref(),
        gitpod: gitpod.as_deref(),
        has_wait_script: folder.join("wait.sh").exists(),
    };
    let (config, _) = Config::read(files);
    let mut steps = Map::new();
    for (step, path) in pages(folder) {
        let page = Page::parse(&step, &fs::read_to_string(path).unwrap(), &config);
        counts.pages += 1;
        counts.blocks += page.blocks.len();
        counts.links += page.links.len();
        steps.insert(step.clone(), page_as_golden(&page, &config));
    }
    json!({
        "scenario": name,
        "is_scenario": is_scenario(files),
        "terminals": config.terminals,
        "steps": steps,
    })
}

fn page_as_golden(page: &Page, config: &Config) -> Value {
    let blocks: Vec<Value> = page.blocks.iter().map(block_as_golden).collect();
    let links: Vec<Value> = page
        .links
        .iter()
        .map(|link| {
            let mut value = json!({"text": link.text, "href": link.href});
            if let Some(step) = link.command.as_ref().and_then(|command| command.step()) {
                value["loads"] = json!(step);
            }
            value
        })
        .collect();
    let mut runs = HashMap::new();
    let on_load: Vec<Value> = config
        .on_load(&page.step)
        .iter()
        .flat_map(|command| run(command, &mut runs))
        .collect();
    json!({
        "blocks": blocks,
        "links": links,
        "images": page.images,
        "headings": page.headings,
        "tables": page.tables,
        "details": page.details,
        "on_load": on_load,
        "text": page.text,
    })
}

fn block_as_golden(block: &Block) -> Value {
    let invocation = &block.invocation;
    let mut value = json!({
        "id": invocation.id,
        "executable": invocation.executable,
        "command": invocation.command,
    });
    if invocation.executable {
        let mut runs = HashMap::new();
        value["first_click"] = json!(run(invocation, &mut runs));
        value["second_click"] = json!(run(invocation, &mut runs));
    }
    if let Some(color) = &invocation.background_color {
        value["background_color"] = json!(color);
    }
    value
}

/// What running an invocation types, given how often each id ran before.
fn run(invocation: &Invocation, runs: &mut HashMap<String, u64>) -> Vec<Value> {
    let count = runs.entry(invocation.id.clone()).or_default();
    if !invocation.executable || !invocation.max_invocations.allows(*count) {
        return Vec::new();
    }
    *count += 1;
    let texts = invocation
        .keystrokes()
        .into_iter()
        .map(|bytes| String::from_utf8(bytes).unwrap());
    texts
        .map(|text| json!({"terminal": invocation.terminal, "types": text}))
        .collect()
}

/// Reports where two values differ, by path.
fn compare(path: &str, expected: &Value, actual: &Value, mismatches: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left
                .keys()
                .chain(right.keys().filter(|key| !left.contains_key(*key)))
            {
                let (left, right) = (left.get(key), right.get(key));
                let path = format!("{path}/{key}");
                compare(
                    &path,
                    left.unwrap_or(&Value::Null),
                    right.unwrap_or(&Value::Null),
                    mismatches,
                );
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}/{index}"), left, right, mismatches);
            }
        }
        _ if expected == actual => {}
        _ => mismatches.push(format!(
            "{path}\n  expected {expected}\n  actual   {actual}"
        )),
    }
}

/// The steps of a scenario with their files, those in subfolders included.
fn pages(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut pages = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for path in sorted(&current) {
            let name = file_name(&path);
            if path.is_dir() {
                if !name.starts_with('.') && name != "node_modules" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md")
                && name != "README.md"
            {
                let step = path.strip_prefix(folder).unwrap().with_extension("");
                pages.push((step.to_str().unwrap().to_owned(), path));
            }
        }
    }
    pages
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
