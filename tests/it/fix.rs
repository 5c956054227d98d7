//! `check --fix` mends what leaves no doubt, and nothing else.

use std::fs;

use serde_json::{Value, json};

use crate::harness::program::run;

const PAGE: &str = "# Lab\r\n\r\n[One](command:katapod.loadPage?stpe1) and \
    ![x](Images/a.png)\r\n\r\n```\r\n### {\"maxInvocations\": \"3\"}\r\nls\r\n```\r\n\r\n\
    [Later](command:katapod.loadPage?step2)";
const MENDED: &str = "# Lab\r\n\r\n[One](command:katapod.loadPage?step1) and \
    ![x](images/a.png)\r\n\r\n```\r\n### {\"maxInvocations\": 3}\r\nls\r\n```\r\n\r\n\
    [Later](command:katapod.loadPage?step2)";

fn lab() -> (tempfile::TempDir, String) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("lab");
    fs::create_dir_all(root.join("images")).unwrap();
    fs::write(root.join("intro.md"), PAGE).unwrap();
    fs::write(root.join("step1.md"), "# One\n").unwrap();
    fs::write(root.join("images/a.png"), "").unwrap();
    let path = root.to_str().unwrap().to_owned();
    (temp, path)
}

#[test]
fn what_leaves_no_doubt_is_mended_once() {
    let (temp, root) = lab();
    let output = run(&["check", &root, "--fix"], &[]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "the dead link to step2 stays"
    );
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.matches("fixed: intro.md:").count(), 3, "{told}");
    let lines =
        "fixed: intro.md:6\n  - ### {\"maxInvocations\": \"3\"}\n  + ### {\"maxInvocations\": 3}\n";
    assert!(told.contains(lines), "{told}");
    let page = temp.path().join("lab/intro.md");
    assert_eq!(fs::read_to_string(&page).unwrap(), MENDED);
    let output = run(&["check", &root, "--fix"], &[]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(!told.contains("fixed"), "{told}");
    assert_eq!(fs::read_to_string(&page).unwrap(), MENDED);
}

#[test]
fn page_that_is_not_utf8_is_left_alone() {
    let (temp, root) = lab();
    let page = temp.path().join("lab/intro.md");
    let text = [PAGE.as_bytes(), b"\xe9"].concat();
    fs::write(&page, &text).unwrap();
    let output = run(&["check", &root, "--fix"], &[]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("fixed"));
    assert_eq!(fs::read(&page).unwrap(), text);
}

#[test]
fn editors_get_ranges_and_what_to_write() {
    let (_temp, root) = lab();
    let output = run(&["check", &root, "--json"], &[]);
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of = |code: &str| found.iter().find(|one| one["code"] == code).unwrap();
    let limit = of("limit-not-number");
    assert_eq!(
        limit["fix"],
        json!({"line": 6, "column": 24, "endLine": 6, "endColumn": 27, "newText": "3"})
    );
    assert_eq!(
        (
            &limit["line"],
            &limit["column"],
            &limit["endLine"],
            &limit["endColumn"]
        ),
        (&json!(6), &json!(24), &json!(6), &json!(27))
    );
    let steps = found.iter().filter(|one| one["code"] == "unknown-step");
    let fixes: Vec<&Value> = steps.map(|one| &one["fix"]["newText"]).collect();
    assert_eq!(fixes, [&json!("step1"), &Value::Null]);
}
