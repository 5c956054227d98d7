//! What the author of a lab is told on its pages, and nobody else; and the titles of all steps.

use serde_json::{Value, json};

use katahost::protocol::server::Diagnostic;

use crate::harness::{House, HouseOptions, Visitor, program::run};

const CONFIG: &str = ".katapod_config.json";

/// A scenario with a mistake of every kind that `check` looks for in more than one place.
const BROKEN: [(&str, &str); 7] = [
    (
        CONFIG,
        r#"{"layout": {"terminals": [{"id": "host"}, {"id": "host"}]},
            "navigation": {"onLoadCommands": {"nowhere": {"host": [{"command": "date"}]}}}}"#,
    ),
    (
        "intro.md",
        "# Lab\n\n[a](command:katapod.loadPage?nosuch) [b](command:katapod.loadPage?step1)\n\n\
         ```\nls\n```\n\n```\n### hots\nls /workspace/other\n```\n",
    ),
    (
        "step1.md",
        "# One\n\n![x](missing.png)\n\n<b onclick='x'>y</b>\n",
    ),
    ("Step1.md", "# Other\n"),
    ("step2.md", "# Never reached\n"),
    ("sub/step.md", "[i](command:katapod.openPage?intro)\n"),
    (
        "clean.md",
        "# Clean\n\n[i](command:katapod.loadPage?intro)\n",
    ),
];

fn author() -> HouseOptions {
    HouseOptions {
        author: true,
        ..HouseOptions::default()
    }
}

/// What a lab tells of a step that it loads, as it stands on the wire.
async fn told(visitor: &mut Visitor, step: &str) -> Value {
    visitor.load(step).await;
    visitor.until_notified("page/show").await["page"]["diagnostics"].take()
}

/// A diagnostic without what only one side has.
fn plain(mut found: Value) -> Value {
    if let Some(keys) = found.as_object_mut() {
        for key in ["block", "endLine", "endColumn", "fix"] {
            keys.remove(key);
        }
        keys.retain(|_, value| !value.is_null());
    }
    found
}

fn list(found: Value) -> Vec<Value> {
    let Value::Array(found) = found else {
        return Vec::new();
    };
    found.into_iter().map(plain).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn author_is_told_on_each_page_what_check_says() {
    let house = House::with_files(&BROKEN, author());
    let output = run(&["check", house.root.to_str().unwrap(), "--json"], &[]);
    let checked = list(serde_json::from_slice(&output.stdout).unwrap());
    assert!(checked.len() > 9, "{checked:#?}");
    let mut visitor = house.enter("lab").await;
    visitor.notifications.clear();
    let steps = ["intro", "step1", "Step1", "step2", "sub/step", "clean"];
    for step in steps {
        let files = [CONFIG.to_owned(), format!("{step}.md")];
        let mut expected = checked.clone();
        expected.retain(|one| files.iter().any(|file| one["file"] == file.as_str()));
        assert_eq!(list(told(&mut visitor, step).await), expected, "{step}");
    }
    // A page that is shown to who comes later tells the same.
    visitor.load("intro").await;
    let later = house.enter("lab").await;
    let page = later.lab.page.unwrap();
    let of_block: Vec<(&str, Option<usize>)> = page
        .diagnostics
        .iter()
        .map(|found| (found.code.as_str(), found.block))
        .collect();
    let expected = [
        ("terminal-repeated", None),
        ("on-load-unknown-step", None),
        ("unknown-step", None),
        ("unknown-terminal", Some(1)),
        ("foreign-path", Some(1)),
    ];
    assert_eq!(of_block, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn learner_is_told_nothing() {
    let house = House::with_files(&BROKEN, HouseOptions::default());
    let mut visitor = house.enter("lab").await;
    assert_eq!(visitor.lab.page.as_ref().unwrap().diagnostics, []);
    for step in ["step1", "intro"] {
        assert_eq!(told(&mut visitor, step).await, Value::Null, "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_again_tells_how_it_stands_now() {
    let house = House::with_files(&BROKEN, author());
    std::fs::remove_file(house.root.join("Step1.md")).unwrap();
    let mut visitor = house.enter("lab").await;
    let codes = |found: Value| -> Vec<String> {
        let found: Vec<Diagnostic> = serde_json::from_value(found).unwrap_or_default();
        found.into_iter().map(|one| one.code).collect()
    };
    visitor.notifications.clear();
    let config = ["terminal-repeated", "on-load-unknown-step"];
    let step1 = ["missing-file", "attribute-removed"];
    let found = codes(told(&mut visitor, "step1").await);
    assert_eq!(found, [&config[..], &step1[..]].concat());
    house.write("missing.png", "");
    house.write("step1.md", "# One\n\n![x](missing.png)\n");
    assert_eq!(codes(told(&mut visitor, "step1").await), config);

    // Another page makes this one reachable, though this one did not change.
    let found = codes(told(&mut visitor, "step2").await);
    assert_eq!(found, [&config[..], &["step-unreachable"]].concat());
    house.write("step1.md", "# One\n\n[x](command:katapod.loadPage?step2)\n");
    assert_eq!(codes(told(&mut visitor, "step2").await), config);

    // The lab goes on with the config that it has, and says so.
    house.write(CONFIG, r#"{"layout": {"terminals": [{"id": "host"}]}}"#);
    assert_eq!(codes(told(&mut visitor, "step2").await), ["config-changed"]);
    visitor.execute("katapod.start", Value::Null).await.unwrap();
    visitor.notifications.clear();
    assert_eq!(codes(told(&mut visitor, "step2").await), [] as [&str; 0]);

    // What can't be read is told in the words of `check`.
    house.write("step2.md", &"x".repeat(5_000_000));
    let refused = visitor.execute("katapod.loadPage", json!({"step": "step2"}));
    let refused = refused.await.unwrap_err().to_string();
    let output = run(&["check", house.root.to_str().unwrap()], &[]);
    let checked = String::from_utf8(output.stdout).unwrap();
    let message = "the page of step `step2` can't be read: it has 5 MiB, and 4 MiB is the limit";
    assert!(refused.contains(message), "{refused}");
    assert!(checked.contains(message), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_problems_are_told_in_part() {
    let page = "```\n### hots\nls\n```\n\n".repeat(5_000);
    let house = House::with_files(&[("intro.md", &page)], author());
    let visitor = house.enter("lab").await;
    let found = visitor.lab.page.unwrap().diagnostics;
    assert_eq!(found.len(), 201);
    let last = found.last().unwrap();
    assert_eq!(last.message, "there are 4800 more problems");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_steps_come_with_their_titles() {
    let large = format!("# Large\n\n{}", "word ".repeat(10_000_000));
    let names: Vec<String> = (0..1_000).map(|number| format!("s{number}.md")).collect();
    let texts: Vec<String> = (0..1_000)
        .map(|number| format!("<div class=\"step-title\">Number {number}</div>\n\n# Later\n"))
        .collect();
    let mut files: Vec<(&str, &str)> = vec![("intro.md", "# The *lab*\n"), ("large.md", &large)];
    files.extend(
        names
            .iter()
            .zip(&texts)
            .map(|(name, text)| (&**name, &**text)),
    );
    let house = House::with_files(&files, HouseOptions::default());
    let mut visitor = house.enter("lab").await;
    let title = |visitor: &Visitor, step: &str| {
        let found = visitor.lab.steps.iter().find(|one| one.step == step);
        found.unwrap().title.clone()
    };
    assert_eq!(visitor.lab.steps.len(), 1_002);
    assert_eq!(title(&visitor, "intro"), "The lab");
    assert_eq!(title(&visitor, "large"), "Large");
    assert_eq!(title(&visitor, "s999"), "Number 999");
    house.write("s999.md", "# Another");
    visitor.start_over().await;
    assert_eq!(title(&visitor, "s999"), "Another");
}
