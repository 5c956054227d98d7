//! What a lab knows of the way through it, and gives away as a file.

use serde_json::{Value, json};

use crate::harness::{
    House, TOKEN, Visitor,
    bash::bash,
    http::{self, request},
    program::run,
};

const INTRO: &str = "# Lab\n\n```\n### {\"required\": true, \"title\": \"Make it\"}\ntouch made\n```\n\n\
    ```mermaid\ngraph TD\n```\n\n\
    ```\n### {\"verify\": true, \"hint\": \"Make it\"}\ntest -e made && echo it is there\n```\n\n\
    [Next](command:katapod.loadPage?step2)\n";

const FILES: [(&str, &str); 2] = [("intro.md", INTRO), ("step2.md", "# Two\n")];

async fn ended(visitor: &mut Visitor) {
    loop {
        let state = visitor.until_notified("block/state").await;
        if ["done", "failed"].contains(&state["last"]["state"].as_str().unwrap_or("")) {
            return;
        }
    }
}

async fn checked(visitor: &mut Visitor) -> Value {
    loop {
        let state = visitor.until_notified("check/state").await;
        if state["running"] == false {
            return state["last"].clone();
        }
    }
}

async fn file(house: &House) -> Value {
    let answer = http::get(house, "/labs/lab/progress.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_kept_told_and_given_as_a_file() {
    let (options, _home) = bash();
    let house = House::with_files(&FILES, options);
    let mut visitor = house.enter("lab").await;
    let first = visitor.lab.progress[0].clone();
    assert_eq!(
        (first.step.as_str(), first.required, first.done),
        ("intro", 1, 0)
    );
    assert_eq!((first.checks, first.passed), (1, 0));
    assert_eq!(first.waits[0].name, "`Make it`");
    visitor.run_block("intro", 2).await.unwrap();
    assert_eq!(checked(&mut visitor).await["passed"], false);
    visitor.run_block("intro", 0).await.unwrap();
    ended(&mut visitor).await;
    visitor.run_block("intro", 2).await.unwrap();
    let passed = checked(&mut visitor).await;
    assert_eq!(
        (&passed["passed"], &passed["output"]),
        (&json!(true), &json!("it is there\n"))
    );
    visitor.load("step2").await;

    let file = file(&house).await;
    assert_eq!(file["version"], 1);
    assert_eq!(
        (&file["scenario"], &file["step"]),
        (&json!("lab"), &json!("step2"))
    );
    let steps = file["steps"].as_array().unwrap();
    let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    assert_eq!(names, ["intro", "step2"]);
    let intro = &steps[0];
    let counts = ["required", "done", "checks", "passed"].map(|key| intro[key].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1, 1]);
    let [block, check] = &intro["blocks"].as_array().unwrap()[..] else {
        panic!("two blocks run: {intro}")
    };
    let state = |block: &Value| {
        let keys = ["block", "check", "runs", "state", "exitCode"];
        keys.map(|key| block[key].clone())
    };
    assert_eq!(
        state(block),
        [json!(0), json!(false), json!(1), json!("done"), json!(0)]
    );
    assert_eq!(
        state(check),
        [json!(2), json!(true), json!(2), json!("done"), Value::Null]
    );
    assert!(check["passedAt"].as_u64() >= check["startedAt"].as_u64());
    assert!(file["beganAt"].as_u64() <= intro["seenAt"].as_u64());

    // Who comes later knows as much.
    let late = Visitor::connect(&house.socket("lab"), None, None)
        .await
        .unwrap();
    let told: Vec<(&str, usize)> = late
        .lab
        .progress
        .iter()
        .map(|step| (step.step.as_str(), step.passed))
        .collect();
    assert_eq!(told, [("intro", 1), ("step2", 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_begins_anew_when_the_lab_is_started_over() {
    let (options, _home) = bash();
    let house = House::with_files(&FILES, options);
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    ended(&mut visitor).await;
    visitor.load("step2").await;
    visitor.start_over().await;
    let [intro] = &visitor.lab.progress[..] else {
        panic!("{:?}", visitor.lab.progress)
    };
    assert_eq!((intro.step.as_str(), intro.done), ("intro", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_author_changes_is_not_done_any_more() {
    let (options, _home) = bash();
    let options = crate::harness::HouseOptions {
        watch: true,
        ..options
    };
    let house = House::with_files(&FILES, options);
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    ended(&mut visitor).await;
    let done = async |visitor: &mut Visitor, wanted: u64| loop {
        if visitor.until_notified("lab/progress").await["done"] == wanted {
            break;
        }
    };
    done(&mut visitor, 1).await;
    house.write("intro.md", &INTRO.replace("touch made", "touch made again"));
    done(&mut visitor, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file_is_for_the_driver_of_a_lab_that_runs() {
    let (options, _home) = bash();
    let house = House::with_files(&FILES, options);
    let path = "/labs/lab/progress.json";
    assert_eq!(http::get(&house, path).await.status, 404, "no lab runs yet");
    let mut visitor = house.enter("lab").await;
    assert_eq!(request(house.address, "GET", path, &[]).await.status, 401);
    let arguments = vec![json!({"role": "viewer"})];
    let link = visitor
        .client
        .execute("katahost.createLink", arguments, None);
    let link = link.await.unwrap().link.unwrap();
    let (way, token) = link.address.split_once("?token=").unwrap();
    let bearer = format!("Bearer {token}");
    for path in [path.to_owned(), format!("/{way}progress.json")] {
        let headers = [("authorization", bearer.as_str())];
        let answer = request(house.address, "GET", &path, &headers).await;
        assert!(
            answer.status == 401 || answer.status == 404,
            "{path}: {}",
            answer.status
        );
    }
    assert_eq!(http::get(&house, path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_printed_for_people_and_programs() {
    let (options, _home) = bash();
    let house = House::with_files(&FILES, options);
    let mut visitor = house.enter("lab").await;
    visitor.run_block("intro", 0).await.unwrap();
    ended(&mut visitor).await;
    let url = format!("http://{}/", house.address);
    let print = |more: &'static [&'static str]| {
        let url = url.clone();
        let printing = tokio::task::spawn_blocking(move || {
            let place = ["progress", "--url", &url, "--token", TOKEN, "--lab", "lab"];
            run(&[&place, more].concat(), &[])
        });
        async {
            let output = printing.await.unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        }
    };
    let text = print(&[]).await;
    let table = "STEP   REQUIRED  CHECKS  WAITS FOR\nintro       1/1     0/1\n";
    assert_eq!(text, table);
    let steps: Value = serde_json::from_str(&print(&["--json"]).await).unwrap();
    assert_eq!(
        (&steps[0]["step"], &steps[0]["done"]),
        (&json!("intro"), &json!(1))
    );
}
