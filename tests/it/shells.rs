//! What blocks know of themselves, in real shells with settings as people have them.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{House, HouseOptions, Visitor};

/// A lab in a shell of somebody whose settings are `settings`.
struct Desk {
    house: House,
    visitor: Visitor,
    /// Kept while the shell runs.
    _home: Option<TempDir>,
}

impl Desk {
    /// Sits down before `shell` with a page of these blocks.
    async fn new(shell: &str, settings: &str, blocks: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path();
        let file = match shell {
            "bash" => ".bashrc",
            "zsh" => ".zshrc",
            _ => ".config/fish/config.fish",
        };
        let file = path.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, settings).unwrap();
        // Integration goes by the name.
        let program = path.join(shell);
        let own = format!(
            "#!/bin/sh\nunset BASH_ENV PROMPT_COMMAND XDG_CONFIG_HOME XDG_DATA_HOME\n\
             export HOME='{}' HISTFILE='{0}/history'\nexec /usr/bin/{shell} \"$@\"\n",
            path.display(),
        );
        fs::write(&program, own).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let blocks: Vec<String> = blocks.iter().map(|block| fence(block)).collect();
        let options = HouseOptions {
            shell: Some(program),
            ..HouseOptions::default()
        };
        let house = House::with_files(&[("intro.md", &blocks.concat())], options);
        let visitor = house.enter("lab").await;
        Self {
            house,
            visitor,
            _home: Some(home),
        }
    }

    fn terminal(&self) -> String {
        self.visitor.lab.terminals[0].id.clone()
    }

    async fn start(&mut self, block: usize) {
        self.visitor.notifications.clear();
        self.visitor.run_block("intro", block).await.unwrap();
    }

    /// Waits until the block's last run is in one of these states, and gives it.
    async fn until(&mut self, block: usize, states: &[&str]) -> Value {
        let what = format!("block {block} to be {states:?}");
        let mut found = Value::Null;
        self.visitor
            .until(&what, |visitor| {
                let told = last_run(visitor, block);
                let is_it =
                    told.is_some_and(|run| states.iter().any(|state| run["state"] == **state));
                if let Some(run) = told.filter(|_| is_it) {
                    found = run.clone();
                }
                is_it
            })
            .await;
        found
    }

    /// Runs a block to its end, and says what became of it.
    async fn run(&mut self, block: usize) -> String {
        self.start(block).await;
        self.end(block).await
    }

    async fn end(&mut self, block: usize) -> String {
        let run = self.until(block, &["done", "failed", "sent"]).await;
        let state = run["state"].as_str().unwrap();
        run["exitCode"]
            .as_i64()
            .map_or_else(|| state.to_owned(), |code| format!("{state} {code}"))
    }

    async fn type_text(&mut self, text: &str) {
        let terminal = self.terminal();
        self.visitor.type_text(&terminal, text).await;
    }

    async fn until_text(&mut self, text: &str) {
        let terminal = self.terminal();
        self.visitor.until_text(&terminal, text).await;
    }

    /// What was written between two offsets, of a terminal that was watched from its beginning.
    async fn output(&mut self, run: &Value) -> String {
        let offset = |key: &str| usize::try_from(run[key].as_u64().unwrap()).unwrap();
        let all = |visitor: &Visitor| {
            let written = visitor.output.get(&0);
            written.is_some_and(|written| written.len() >= offset("end"))
        };
        self.visitor.until("the output", all).await;
        let written = &self.visitor.output[&0];
        String::from_utf8_lossy(&written[offset("start")..offset("end")]).into_owned()
    }
}

fn fence(text: &str) -> String {
    format!("````\n{text}\n````\n\n")
}

fn last_run(visitor: &Visitor, block: usize) -> Option<&Value> {
    let told = visitor.notifications.iter().rev();
    told.filter(|(method, _)| method == "block/state")
        .filter_map(|(_, state)| state.get("last"))
        .find(|run| run["block"] == block)
}

/// What each shell's blocks end in: the same, as all of them tell the same.
const BLOCKS: [(&str, &str); 11] = [
    (
        "### {\"expect\": \"ready\"}\nsleep 0.3\necho ready > /dev/null",
        "failed 0",
    ),
    ("true", "done 0"),
    ("false", "failed 1"),
    ("echo one\nfalse\necho three", "done 0"),
    ("echo one\n\necho two\nsh -c 'exit 7'", "failed 7"),
    ("sh -c 'cat; exit 3' <<'END'\nhere\nfalse\nEND", "failed 3"),
    ("for i in 1 2 3; do\n  echo $i\ndone", "done 0"),
    ("sleep 0.3\nsleep 0.3", "done 0"),
    ("no-such-program-here", "failed 127"),
    ("sleep 30 &", "done 0"),
    (
        "printf '\\e]133;D;0\\a'; sleep 0.2; sh -c 'exit 2'",
        "failed 2",
    ),
];

async fn check_blocks(shell: &str, settings: &str) {
    let blocks: Vec<&str> = BLOCKS.iter().map(|(block, _)| *block).collect();
    let mut desk = Desk::new(shell, settings, &blocks).await;
    for (index, (block, wanted)) in BLOCKS.iter().enumerate() {
        // Fish has loops and here documents of its own.
        if shell == "fish" && (block.contains("; do") || block.contains("<<")) {
            continue;
        }
        assert_eq!(desk.run(index).await, *wanted, "{block:?} in {shell}");
    }
    desk.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_tells_how_blocks_end() {
    check_blocks("bash", "PS1='$ '").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zsh_tells_how_blocks_end() {
    check_blocks("zsh", "PS1='%% '").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fish_tells_how_blocks_end() {
    check_blocks("fish", "").await;
}

/// As starship and its like do it: the prompt is made anew each time, and shows the last status.
const STARSHIP: &str = r#"
precmd() { local status=$?; PS1="[$status]\n\[\e[32m\]> \[\e[0m\]"; }
PROMPT_COMMAND=precmd
"#;

#[tokio::test(flavor = "multi_thread")]
async fn prompts_that_are_made_anew_each_time_keep_their_status() {
    check_blocks("bash", STARSHIP).await;
    let mut desk = Desk::new("bash", STARSHIP, &["sh -c 'exit 9'"]).await;
    assert_eq!(desk.run(0).await, "failed 9");
    desk.until_text("[9]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_all_kinds_are_survived() {
    for settings in [
        "PROMPT_COMMAND=('true' 'false')",
        "PROMPT_COMMAND='history -a; false'",
        "trap 'true' DEBUG; HISTCONTROL=ignoreboth; set -u",
        "trap 'echo \"+ $BASH_COMMAND\" >/dev/null' DEBUG; shopt -s extdebug",
        "PS0='started\\n'; PS1='\\w\\n$(false)$ '; set -o vi",
        "return 0",
        "unset PROMPT_COMMAND; IFS=,; set -C",
    ] {
        let mut desk = Desk::new("bash", settings, &["true", "sh -c 'exit 5'"]).await;
        assert_eq!(desk.run(0).await, "done 0", "{settings}");
        assert_eq!(desk.run(1).await, "failed 5", "{settings}");
    }
}

/// Prompts of two lines, with something on the right, made by commands: as starship and its like
/// have them in each shell.
#[tokio::test(flavor = "multi_thread")]
async fn prompts_of_other_shells_are_survived() {
    for (shell, settings) in [
        (
            "zsh",
            "setopt prompt_subst; PS1='$(true; echo up)%~\n%# '; RPS1='%?$(false)'; precmd() { false }",
        ),
        (
            "zsh",
            "precmd() { PROMPT=\"[$?]\"$'\\n> ' }; preexec() { true }; zle_highlight=(none)",
        ),
        (
            "fish",
            "function fish_prompt; echo (false)up; echo '> '; end\n\
             function fish_right_prompt; echo $status; false; end",
        ),
        (
            "bash",
            "PS1='\\[\\e[s\\e[60C$(false)right\\e[u\\]\\w\\n$(echo \"$(false)two\") > '; PROMPT_DIRTRIM=1",
        ),
        (
            "bash",
            "starship_precmd() { local s=$?; PS1=$(printf 'up\\n[%s]> ' $s); return $s; }\n\
             PROMPT_COMMAND=starship_precmd; trap 'true \"$_\"' DEBUG; PS0='$(true)'",
        ),
    ] {
        let blocks = ["true", "sh -c 'exit 5'", "( exit 6 )", "echo one\nfalse"];
        let mut desk = Desk::new(shell, settings, &blocks).await;
        assert_eq!(desk.run(0).await, "done 0", "{settings}");
        assert_eq!(desk.run(1).await, "failed 5", "{settings}");
        if shell != "fish" {
            assert_eq!(desk.run(2).await, "failed 6", "{settings}");
        }
        assert_eq!(desk.run(3).await, "failed 1", "{settings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zsh_whose_hooks_are_taken_away_is_believed_nothing() {
    let blocks = ["precmd_functions=() preexec_functions=()", "false"];
    let mut desk = Desk::new("zsh", "PS1='%% '", &blocks).await;
    desk.run(0).await;
    assert_eq!(desk.run(1).await, "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_in_the_way_of_vs_code_are_understood_once() {
    // Beside ours they say nothing new; alone, of a shell that is not ours, they say all.
    let own = "PS0='\\e]633;E;true\\a\\e]633;C\\a'\n\
               PROMPT_COMMAND='printf \"\\e]633;D;%s\\a\\e]633;A\\a\" $?'\nPS1='\\[\\e]633;B\\a\\]$ '";
    let mut desk = Desk::new("bash", own, &["true", "sh -c 'exit 5'"]).await;
    assert_eq!(desk.run(0).await, "done 0");
    assert_eq!(desk.run(1).await, "failed 5");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_change_in_between_are_survived() {
    let blocks = [
        "PROMPT_COMMAND=\"true; $PROMPT_COMMAND\"",
        "sh -c 'exit 6'",
        "PS0=; PS1='% '",
        "sh -c 'exit 8'",
    ];
    let mut desk = Desk::new("bash", "", &blocks).await;
    // The status was hidden this one time, and nothing is claimed.
    assert_eq!(desk.run(0).await, "sent");
    assert_eq!(desk.run(1).await, "failed 6");
    assert_eq!(desk.run(2).await, "done 0");
    assert_eq!(desk.run(3).await, "failed 8");
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_that_tells_nothing_any_more_is_believed_nothing() {
    let blocks = ["PROMPT_COMMAND=true", "false"];
    let mut desk = Desk::new("bash", "", &blocks).await;
    assert_eq!(desk.run(0).await, "sent");
    assert_eq!(desk.run(1).await, "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_aliases_hold_nothing_of_ours() {
    let mut desk = Desk::new(
        "bash",
        "",
        &["true", "history > all; alias >> all; mv all seen"],
    )
    .await;
    assert_eq!(desk.run(0).await, "done 0");
    assert_eq!(desk.run(1).await, "done 0");
    let seen = desk.house.written("seen").await;
    assert!(
        seen.contains("true") && !seen.contains("katahost"),
        "{seen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_within_the_shell_tells_of_its_own_blocks() {
    let blocks = ["bash --norc", "sh -c 'exit 4'", "exit 3", "true"];
    let mut desk = Desk::new("bash", "", &blocks).await;
    desk.start(0).await;
    desk.until(0, &["running"]).await;
    desk.until_text("bash-").await;
    assert_eq!(desk.run(1).await, "failed 4");
    desk.start(2).await;
    assert_eq!(desk.end(0).await, "failed 3", "the inner shell");
    assert_eq!(desk.end(2).await, "failed 3");
    assert_eq!(desk.run(3).await, "done 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_that_takes_the_place_of_another_goes_on_telling() {
    let mut desk = Desk::new("bash", "", &["exec bash --norc", "sh -c 'exit 4'"]).await;
    assert_eq!(desk.run(0).await, "sent");
    assert_eq!(desk.run(1).await, "failed 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_are_sent_to_and_nothing_is_claimed() {
    for (program, prompt, line) in [
        ("python3 -q", ">>> ", "1 + 1"),
        ("sqlite3", "sqlite> ", ".show"),
        ("cat", "", "hello"),
        ("env -i sh", "# ", "true"),
    ] {
        let mut desk = Desk::new("bash", "PS1='$ '", &[program, line, "true"]).await;
        desk.start(0).await;
        desk.until(0, &["running"]).await;
        desk.until_text(prompt).await;
        // Until it surely reads; what is typed at once is the shell's for all we know.
        let reads = || tokio::time::sleep(std::time::Duration::from_millis(600));
        reads().await;
        assert_eq!(desk.run(1).await, "sent", "{program}");
        reads().await;
        desk.type_text("\x04").await;
        let run = desk.until(0, &["done", "failed"]).await;
        assert!(run["exitCode"].is_i64(), "{program}");
        assert_eq!(desk.run(2).await, "done 0", "behind {program}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_block_failed_with_130() {
    let mut desk = Desk::new("bash", "", &["sh -c 'echo up; exec sleep 30'"]).await;
    desk.start(0).await;
    let run = desk.until(0, &["running"]).await;
    // A shell loses an interrupt that comes while it starts a program.
    desk.until_text("up\r\n").await;
    assert!(run["startedAt"].as_u64() > Some(1_600_000_000_000));
    desk.type_text("\x03").await;
    assert_eq!(desk.end(0).await, "failed 130");
}

#[tokio::test(flavor = "multi_thread")]
async fn block_is_interrupted_from_the_page() {
    let mut desk = Desk::new("bash", "", &["sh -c 'echo up; exec sleep 30'"]).await;
    let interrupt = json!({"step": "intro", "block": 0});
    let refused = desk
        .visitor
        .execute("katahost.interruptBlock", interrupt.clone())
        .await;
    assert!(refused.is_err(), "it does not run");
    desk.start(0).await;
    desk.until(0, &["running"]).await;
    desk.until_text("up\r\n").await;
    desk.visitor
        .execute("katahost.interruptBlock", interrupt)
        .await
        .unwrap();
    assert_eq!(desk.end(0).await, "failed 130");
}

#[tokio::test(flavor = "multi_thread")]
async fn line_that_is_no_command_fails_or_is_sent() {
    let mut desk = Desk::new(
        "bash",
        "",
        &[
            "echo )",
            "# only a comment",
            "echo 'open",
            "echo one\nfor i in 1; do",
            "done",
        ],
    )
    .await;
    assert_eq!(desk.run(0).await, "failed 2");
    assert_eq!(desk.run(1).await, "sent");
    assert_eq!(desk.run(2).await, "sent", "the shell waits for more");
    desk.type_text("\x03").await;
    assert_eq!(desk.run(3).await, "sent", "the shell waits for more");
    assert_eq!(desk.run(4).await, "sent", "what was typed at no prompt");
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_shell_ends_its_block() {
    let mut desk = Desk::new("bash", "", &["exit 3", "true"]).await;
    assert_eq!(desk.run(0).await, "failed 3");
    assert_eq!(desk.run(1).await, "done 0", "in another shell");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_in_a_row_are_each_told() {
    let mut desk = Desk::new("bash", "", &["true", "false", "sh -c 'exit 2'"]).await;
    for block in 0..3 {
        desk.start(block).await;
    }
    assert_eq!(desk.end(2).await, "failed 2");
    desk.visitor.load("intro").await;
    let page = desk.visitor.until_notified("page/show").await;
    let states: Vec<&Value> = (0..3)
        .map(|block| &page["page"]["blocks"][block]["state"]["last"]["state"])
        .collect();
    assert_eq!(states, ["done", "failed", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_block_ends_with_its_last_command() {
    let line = "echo 0123456789012345678901234567890123456789\n";
    let text = line.repeat(400) + "sh -c 'exit 5'";
    let mut desk = Desk::new("bash", "", &[&text]).await;
    assert_eq!(desk.run(0).await, "failed 5");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_knows_where_its_output_is_and_survives_a_reload() {
    let mut desk = Desk::new(
        "bash",
        "PS1='$ '",
        &["echo out-$((1 + 1))", "sleep 1; exit 1"],
    )
    .await;
    desk.start(0).await;
    let run = desk.until(0, &["done"]).await;
    let text = desk.output(&run).await;
    assert!(
        text.starts_with("out-2\r\n") && !text.contains('$'),
        "{text:?}"
    );
    desk.start(1).await;
    desk.until(1, &["running"]).await;
    let other = desk.house.enter("lab").await;
    let blocks = other.lab.page.unwrap().blocks;
    let last = |block: usize| serde_json::to_value(&blocks[block].state.last).unwrap();
    assert_eq!(last(0), run);
    assert_eq!(last(1)["state"], "running");
    desk.visitor = desk.house.enter("lab").await;
    desk.end(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn block_in_an_unknown_shell_is_sent() {
    let house = House::with_files(&[("intro.md", &fence("true"))], HouseOptions::default());
    let visitor = house.enter("lab").await;
    let mut desk = Desk {
        house,
        visitor,
        _home: None,
    };
    assert_eq!(desk.run(0).await, "sent");
}
