//! Labs that are broken, each in another way: `katahost test` fails each, with the right place.

use crate::play::{lab, play, text};

const CONFIG: &str = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;

/// A lab of two steps of which the second is `page`.
fn check_page(page: &str, place: &str, says: &str) {
    check(&[("step1.md", page)], place, says);
}

/// A lab with these files fails with exactly one error, at that place.
fn check(files: &[(&str, &str)], place: &str, says: &str) {
    let intro = "# Lab\n\n```\necho fine\n```\n\n[Next](command:katapod.loadPage?step1)\n";
    let mut all = vec![
        (".katapod_config.json", CONFIG),
        ("intro.md", intro),
        ("step1.md", "# Step\n"),
    ];
    for (name, text) in files {
        all.retain(|(known, _)| known != name);
        if !text.is_empty() {
            all.push((name, text));
        }
    }
    let temp = lab(&all);
    let root = temp.path().join("lab");
    let output = play(&root, &["--timeout", "8"], &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let errors: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{said}");
    assert!(errors[0].contains(says), "{says}: {said}");
    let places: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("  --> "))
        .collect();
    let wanted = format!("  --> {}/{place}", root.display());
    assert!(
        places[0] == wanted || places[0].starts_with(&format!("{wanted}:")),
        "{wanted}: {said}"
    );
    assert!(said.contains(" 1 failed"), "{said}");
}

#[test]
fn wrong_exit_code_is_found() {
    check_page(
        "```\ntrue\n```\n\n```\n### {\"exitCode\": 3}\n(exit 4)\n```\n",
        "step1.md:7",
        "exit code 4, not with 3",
    );
}

#[test]
fn failing_command_is_found_with_its_output() {
    let page = "text\n\n```\necho seen $((40 + 2)); false\n```\n\n```\necho never\n```\n";
    check_page(page, "step1.md:4", "exit code 1");
}

#[test]
fn wrong_output_is_found() {
    check_page(
        "```\n### {\"expect\": \"^Equal\"}\necho Not Equal\n```\n",
        "step1.md:3",
        "matches `^Equal`",
    );
}

#[test]
fn missing_script_is_found() {
    check_page(
        "```\nbash scripts/nowhere.sh\n```\n",
        "step1.md:2",
        "exit code 127",
    );
}

#[test]
fn hanging_block_is_found() {
    let page = "```\n### {\"timeout\": 1}\nsleep 100\n```\n\n```\necho after\n```\n";
    check_page(
        page,
        "step1.md:3",
        "still runs after 1 s, and step1.md:7 is typed into `host`",
    );
}

#[test]
fn server_that_is_never_ready_is_found() {
    let page = "```\n### {\"terminalId\": \"api\", \"expect\": \"listening\", \"timeout\": 1}\nsleep 100\n```\n\n\
        ```\n### {\"terminalId\": \"api\", \"macrosBefore\": [\"ctrl_c\"]}\n:\n```\n";
    check_page(page, "step1.md:3", "within 1 s matches `listening`");
}

#[test]
fn server_that_ends_while_it_is_needed_is_found() {
    let page = "```\n### {\"terminalId\": \"api\", \"expect\": \"ready\"}\necho ready; sleep 1; (exit 9)\n```\n\n\
        ```\nsleep 3\n```\n\n```\n### {\"terminalId\": \"api\", \"macrosBefore\": [\"ctrl_c\"]}\n:\n```\n";
    check_page(page, "step1.md:3", "exit code 9");
}

#[test]
fn unfinished_command_is_found() {
    check_page(
        "```\necho \"no end\n```\n\n```\necho after\n```\n",
        "step1.md:2",
        "waits for the rest of the command",
    );
}

#[test]
fn shell_that_exits_is_found() {
    check_page(
        "```\nexit 0\n```\n\n```\necho after\n```\n",
        "step1.md:2",
        "the shell of `host` has ended",
    );
}

#[test]
fn blocks_in_the_wrong_order_are_found() {
    let page = "```\ncat made-later\n```\n\n```\necho x > made-later\n```\n";
    check_page(page, "step1.md:2", "exit code 1");
}

#[test]
fn on_load_command_that_fails_is_found() {
    let config = "{\"layout\": {\"terminals\": [{\"id\": \"host\"}, {\"id\": \"api\"}]},\n\
        \"navigation\": {\"onLoadCommands\": {\"step1\": {\n\
        \"api\": [{\"command\": \"bash nowhere.sh\"}]}}}}";
    check(
        &[(".katapod_config.json", config)],
        ".katapod_config.json:3",
        "exit code 127",
    );
}

#[test]
fn dead_link_is_found_before_anything_runs() {
    check_page(
        "[x](command:katapod.loadPage?nowhere)\n",
        "step1.md:1",
        "`nowhere`",
    );
}

#[test]
fn unknown_terminal_fails_where_it_matters() {
    // What is meant for `api` is typed into the first terminal, where a program runs.
    let page = "```\nsleep 100\n```\n\n```\n### {\"terminalId\": \"apo\"}\necho x\n```\n";
    check_page(page, "step1.md:2", "step1.md:7 is typed into `host` next");
}

#[test]
fn bad_pattern_is_found() {
    check_page(
        "```\n### {\"expect\": \"(a\"}\ntrue\n```\n",
        "step1.md:2",
        "no regular expression",
    );
}

#[test]
fn missing_intro_is_found() {
    check(&[("intro.md", "")], "intro.md", "there is no `intro.md`");
}

#[test]
fn shell_that_does_not_exist_is_found() {
    let temp = lab(&[("intro.md", "```\ntrue\n```\n")]);
    let output = play(
        &temp.path().join("lab"),
        &["--shell", "/no/such/shell", "--timeout", "5"],
        &[],
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("intro.md:2"), "{}", text(&output));
}

#[test]
fn check_that_fails_is_found_with_its_message() {
    let page = "```\necho no > state\n```\n\n\
        ```\n### {\"verify\": true}\ngrep -q yes state || { echo 'FAIL: the state is no'; exit 1; }\n```\n";
    check_page(page, "step1.md:7", "the check failed: the state is no");
}

#[test]
fn step_that_waits_for_what_no_test_does_is_found() {
    let page = "```\n### {\"required\": true, \"test\": false}\ntrue\n```\n\n[x](command:katapod.loadPage?end)\n";
    check(
        &[("step1.md", page), ("end.md", "# End\n")],
        "step1.md",
        "`end` can't be opened",
    );
}

#[test]
fn last_block_that_fails_late_is_found() {
    // It is quiet for longer than a server is that has come up.
    let page = "```\necho begins; sleep 6; false\n```\n";
    check_page(page, "step1.md:2", "exit code 1");
}

#[test]
fn last_block_that_takes_longer_than_it_may_is_found() {
    let page = "```\n### {\"timeout\": 7}\necho begins; sleep 100\n```\n";
    check_page(page, "step1.md:3", "it still runs after 7 s");
}

#[test]
fn stalled_progress_is_not_taken_for_a_prompt() {
    let page =
        "```\n### {\"timeout\": 3}\nprintf 'loading 40%%'; sleep 100\n```\n\n```\ntrue\n```\n";
    check_page(page, "step1.md:3", "it still runs after 3 s");
}

#[test]
fn what_is_behind_a_locked_link_is_left_out() {
    let locked = "```\n### {\"required\": true}\nfalse\n```\n\n[x](command:katapod.loadPage?end)\n";
    let temp = lab(&[("intro.md", locked), ("end.md", "```\ntrue\n```\n")]);
    let output = play(&temp.path().join("lab"), &["--keep-going"], &[]);
    let said = text(&output);
    assert!(said.contains("`end` can't be opened"), "{said}");
    assert!(said.contains("0 passed, 2 failed, 1 skipped"), "{said}");
}

#[test]
fn lab_that_can_not_be_copied_fails_beside_others() {
    let temp = lab(&[("intro.md", "```\ntrue\n```\n")]);
    let large = temp.path().join("large");
    std::fs::create_dir(&large).unwrap();
    std::fs::write(large.join("intro.md"), "```\ntrue\n```\n").unwrap();
    let data = std::fs::File::create(large.join("data")).unwrap();
    data.set_len(1 << 30).unwrap();
    let other = temp.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("intro.md"), "```\ntrue\n```\n").unwrap();
    let junit = temp.path().join("junit.xml");
    let output = play(temp.path(), &["--junit", junit.to_str().unwrap()], &[]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let error = "error: `large` can't be tested: the folder holds more than 512 MiB";
    assert!(said.contains(error), "{said}");
    let hint = "hint: move what is no part of the lab out of its folder";
    assert!(said.contains(hint), "{said}");
    assert!(said.contains("2 passed, 1 failed, 0 skipped"), "{said}");
    let xml = std::fs::read_to_string(junit).unwrap();
    assert!(xml.contains("can't be tested"), "{xml}");
}
