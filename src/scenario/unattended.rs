//! What a scenario runs by itself, without a click.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{
    block::{Block, BlockKind},
    config::{CONFIG_FILE, Config, OnLoad, WAIT_SCRIPT},
    expectation::VerifyOn,
    page::Page,
};

/// What ends a word of shell text that may be a path.
const SEPARATORS: &str = ";|&()<>\"'`=,:{}$";

/// When something runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// Whenever its step is loaded.
    Load,
    /// Whenever the block before it has ended: a check.
    Block,
    /// Again and again while its step is open: a check.
    Open,
}

/// Something that runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unattended {
    /// When.
    pub occasion: Occasion,
    /// The step.
    pub step: String,
    /// The name of the terminal that it is typed into; a check has a shell of its own.
    pub terminal: Option<String>,
    /// Whether Ctrl-C is typed first.
    pub interrupts: bool,
    /// Its text.
    pub text: String,
    /// The file that it stands in, relative to the scenario's folder.
    pub file: String,
    /// The line there, from 1, where one is known.
    pub line: Option<usize>,
}

impl Unattended {
    /// What makes it what it is: moved to another line, it is the same.
    #[must_use]
    pub fn parts(&self) -> [&str; 5] {
        let occasion = match self.occasion {
            Occasion::Load => "load",
            Occasion::Block => "block",
            Occasion::Open => "open",
        };
        let before = if self.interrupts { "ctrl_c" } else { "" };
        let terminal = self.terminal.as_deref().unwrap_or_default();
        [occasion, &self.step, terminal, before, &self.text]
    }
}

/// The on-load commands that ever run, in the order of the config.
#[must_use]
pub fn on_load(config: &Config) -> Vec<Unattended> {
    config
        .on_load
        .iter()
        .flat_map(|step| of_step(step, config))
        .collect()
}

fn of_step(on_load: &OnLoad, config: &Config) -> Vec<Unattended> {
    let lines = on_load
        .lines
        .iter()
        .copied()
        .chain([None].into_iter().cycle());
    // What a fresh lab does not run when it loads the step first, no later one runs: counts grow.
    let mut runs: HashMap<&str, u64> = HashMap::new();
    let mut found = Vec::new();
    for (command, line) in on_load.commands.iter().zip(lines) {
        let runs = runs.entry(&command.id).or_default();
        if !command.executable || !command.max_invocations.allows(*runs) {
            continue;
        }
        *runs += 1;
        let from_config = on_load.place.is_some() || line.is_some();
        let file = if from_config {
            CONFIG_FILE
        } else {
            WAIT_SCRIPT
        };
        found.push(Unattended {
            occasion: Occasion::Load,
            step: on_load.step.clone(),
            terminal: Some(config.resolve_terminal(&command.terminal).name.clone()),
            interrupts: !command.macros_before.is_empty(),
            text: command.command.clone(),
            file: file.to_owned(),
            line,
        });
    }
    found
}

/// The checks of a page that run by themselves.
#[must_use]
pub fn checks(page: &Page) -> Vec<Unattended> {
    let check = |block: &Block| {
        let occasion = match block.expectation.verify? {
            VerifyOn::Request => return None,
            VerifyOn::Block => Occasion::Block,
            VerifyOn::Open => Occasion::Open,
        };
        Some(Unattended {
            occasion,
            step: page.step.clone(),
            terminal: None,
            interrupts: false,
            text: block.invocation.command.clone(),
            file: format!("{}.md", page.step),
            line: Some(block.text_line),
        })
    };
    let runs = |block: &&Block| block.kind == BlockKind::Check;
    page.blocks.iter().filter(runs).filter_map(check).collect()
}

/// Whether a page with this Markdown may have checks; most have none, and need not be parsed.
#[must_use]
pub fn may_have_checks(markdown: &str) -> bool {
    // JSON may spell the key with escapes.
    markdown.contains("verify") || markdown.contains("\\u")
}

/// The words of shell text that may be paths of files that it runs or reads, each once. What is
/// only written to by `>` is none of them, for the text itself decides what is in it.
#[must_use]
pub fn words(text: &str) -> Vec<&str> {
    let mut seen = HashSet::new();
    let plain = plain_words(text);
    let quoted = ['"', '\''].into_iter().flat_map(|quote| {
        // A name with a space stands in quotes, as every second part does.
        text.split(quote).skip(1).step_by(2)
    });
    plain
        .into_iter()
        .chain(quoted)
        .filter(|word| !word.trim().is_empty() && seen.insert(*word))
        .collect()
}

fn plain_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut before = '\n';
    let mut rest = text;
    while !rest.is_empty() {
        let ends = |letter: char| letter.is_whitespace() || SEPARATORS.contains(letter);
        let (word, behind) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        // Of `$HOME/x` and `${HOME}/x` the path behind the variable may be one here.
        let word = if before == '$' {
            word.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_')
        } else {
            word
        };
        if !word.is_empty() && before != '>' {
            words.push(word);
        }
        let mut letters = behind.chars();
        match letters.next() {
            Some(letter) if letter.is_whitespace() && word.is_empty() && before == '>' => {}
            Some(letter) => before = letter,
            None => {}
        }
        rest = letters.as_str();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::config::ConfigFiles;
    use super::*;

    fn read(config: &str) -> Config {
        let files = ConfigFiles {
            config: Some(config),
            ..ConfigFiles::default()
        };
        Config::read(files).0
    }

    #[test]
    fn on_load_commands_are_listed_with_their_places() {
        let config = read(
            r#"{"layout": {"terminals": [{"id": "a", "name": "first"}, {"id": "b"}]},
"navigation": {"onLoadCommands": {
"intro": {"a": [{"command": "one"}, {"command": "never, as the count is used up"}],
  "b": [{"command": "two", "macrosBefore": ["ctrl_c"]}, {"command": "x", "execute": false}]},
"step1": {"a": [{"command": "three", "maxInvocations": "unlimited"},
  {"command": "y", "codeBlockId": "z", "maxInvocations": 0}]}}}}"#,
        );
        let found = on_load(&config);
        let parts: Vec<_> = found.iter().map(Unattended::parts).collect();
        assert_eq!(
            parts,
            [
                ["load", "intro", "first", "", "one"],
                ["load", "intro", "b", "ctrl_c", "two"],
                ["load", "step1", "first", "", "three"],
            ]
        );
        let places: Vec<_> = found.iter().map(|one| (&*one.file, one.line)).collect();
        let file = CONFIG_FILE;
        assert_eq!(places, [(file, Some(3)), (file, Some(4)), (file, Some(5))]);
    }

    #[test]
    fn wait_script_is_listed_as_itself() {
        let (config, _) = Config::read(ConfigFiles {
            has_wait_script: true,
            ..ConfigFiles::default()
        });
        let [wait] = &on_load(&config)[..] else {
            panic!("one command is expected")
        };
        assert_eq!(
            (&*wait.text, &*wait.file, wait.line),
            ("./wait.sh;", "wait.sh", None)
        );
    }

    #[test]
    fn checks_that_wait_for_a_click_are_not_listed() {
        let markdown = "# A\n\n```\n### {\"verify\": true}\nasked\n```\n\n\
            ```\n### {\"verify\": true, \"verifyOn\": \"block\"}\nafter\n```\n\n\
            ```\n### {\"\\u0076erify\": true, \"verifyOn\": \"open\"}\nagain\n```\n\n```\nls\n```\n";
        assert!(may_have_checks(markdown));
        let page = Page::parse("step1", markdown, &read("{}"));
        let found = checks(&page);
        let parts: Vec<_> = found.iter().map(Unattended::parts).collect();
        assert_eq!(
            parts,
            [
                ["block", "step1", "", "", "after\n"],
                ["open", "step1", "", "", "again\n"],
            ]
        );
        assert_eq!((&*found[0].file, found[0].line), ("step1.md", Some(10)));
    }

    #[test]
    fn words_are_what_may_be_a_path() {
        let cases: [(&str, &[&str]); 7] = [
            ("bash setup.sh", &["bash", "setup.sh"]),
            ("./a.sh;./b.sh&&c", &["./a.sh", "./b.sh", "c"]),
            (
                "X=a.sh bash -c './d.sh e'",
                &["X", "a.sh", "bash", "-c", "./d.sh", "e", "./d.sh e"],
            ),
            ("cat < in > out 2>>log", &["cat", "in", "2"]),
            (
                "$PWD/a.sh ${HOME}/b \"$(pwd)/c\"",
                &["/a.sh", "HOME", "/b", "pwd", "/c", "$(pwd)/c"],
            ),
            ("a.sh a.sh", &["a.sh"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
