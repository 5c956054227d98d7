//! What a test plays: ways through the steps, and what runs on each.

use std::collections::{HashMap, HashSet};

use super::Failure;
use crate::{
    command::state::ENTRY_STEP,
    lab::Scan,
    scenario::{BlockKind, Expectation, Invocation, Macro, Page, config::CONFIG_FILE},
};

/// How many ways through the steps are played.
const MAX_WAYS: usize = 64;

/// How many ways are begun in search of them: a dense graph has more than anybody can count.
const MAX_TRIED: usize = 20_000;

/// One way through the steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub(super) stops: Vec<Stop>,
}

/// A step on a way.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) step: String,
    /// The link of the step before that leads here, if one does.
    pub(super) link: Option<usize>,
    pub(super) acts: Vec<Act>,
}

/// Something that runs.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) step: String,
    /// The block's index; an on-load command has none.
    pub(super) block: Option<usize>,
    pub(super) invocation: Invocation,
    pub(super) expectation: Expectation,
    pub(super) place: Place,
    pub(super) next: Next,
    /// Whether it is a check, which runs beside the terminals.
    pub(super) is_check: bool,
    /// Why it is not run, if it is not.
    pub(super) left_out: Option<&'static str>,
}

/// A place in a scenario's files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: Option<usize>,
}

/// What comes next in the same terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing does.
    Nothing,
    /// Something that presses Ctrl-C first.
    Interrupts,
    /// Something that is typed.
    Types(Place),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl Act {
    /// What it is called: by its author, or else by the beginning of its text.
    pub(super) fn title(&self) -> String {
        const SHOWN_CHARS: usize = 60;
        let text = self.expectation.title.as_deref();
        let text = text.unwrap_or(&self.invocation.command);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let whole = lines.next().is_none() && first.chars().count() <= SHOWN_CHARS;
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        let mut title: String = first.chars().take(SHOWN_CHARS).map(plain).collect();
        if !whole {
            title.push('…');
        }
        title
    }

    /// Whether it presses Ctrl-C first.
    pub(super) fn interrupts(&self) -> bool {
        self.invocation.macros_before.contains(&Macro::CtrlC)
    }
}

/// The way that a learner takes who follows, on each step, the first link to one not yet seen. Where
/// there is none, the first link leads back that leads to a step with one, as to a list of chapters.
pub(super) fn first(scan: &Scan) -> Vec<String> {
    let mut steps = vec![ENTRY_STEP.to_owned()];
    let mut seen = HashSet::from([ENTRY_STEP.to_owned()]);
    while let Some(page) = steps.last().and_then(|step| page(scan, step)) {
        let unseen = |page| leads_to(scan, page).find(|step| !seen.contains(step));
        let leads_on = |step: &String| self::page(scan, step).and_then(unseen).is_some();
        let next = unseen(page).or_else(|| leads_to(scan, page).find(leads_on));
        let Some(next) = next else { break };
        seen.insert(next.clone());
        steps.push(next);
    }
    steps
}

/// All ways that visit no step twice and can't go on, and whether there are more.
pub(super) fn all(scan: &Scan) -> (Vec<Vec<String>>, bool) {
    let mut found = Vec::new();
    let mut begun = vec![vec![ENTRY_STEP.to_owned()]];
    let mut tried = 0;
    while let Some(way) = begun.pop() {
        tried += 1;
        if found.len() >= MAX_WAYS || tried > MAX_TRIED {
            return (found, true);
        }
        let last = way.last().and_then(|step| page(scan, step));
        let mut ahead: Vec<String> = Vec::new();
        for step in last.into_iter().flat_map(|page| leads_to(scan, page)) {
            if !way.contains(&step) && !ahead.contains(&step) {
                ahead.push(step);
            }
        }
        if ahead.is_empty() {
            found.push(way);
            continue;
        }
        // The first link's way comes first.
        for step in ahead.into_iter().rev() {
            let mut longer = way.clone();
            longer.push(step);
            begun.push(longer);
        }
    }
    (found, false)
}

/// A way that was given by name.
///
/// # Errors
///
/// It names a step that does not exist, or does not begin where a lab does.
pub(super) fn named(scan: &Scan, steps: &[String]) -> Result<Vec<String>, Failure> {
    if steps.first().map(String::as_str) != Some(ENTRY_STEP) {
        return Err(Failure::usage(
            format!("the path does not begin with `{ENTRY_STEP}`"),
            format!("a lab does; write `--path {ENTRY_STEP},…`"),
        ));
    }
    for step in steps {
        if page(scan, step).is_none() {
            let known: Vec<&str> = scan.pages.iter().map(|page| page.step.as_str()).collect();
            return Err(Failure::usage(
                format!("there is no step `{step}`"),
                format!("this lab has `{}`", known.join("`, `")),
            ));
        }
    }
    Ok(steps.to_vec())
}

fn page<'a>(scan: &'a Scan, step: &str) -> Option<&'a Page> {
    scan.pages.iter().find(|page| page.step == step)
}

/// The steps that a page's links lead to, those that exist.
fn leads_to(scan: &Scan, page: &Page) -> impl Iterator<Item = String> {
    let steps = page.leads_to().into_iter();
    steps.filter(|step| self::page(scan, step).is_some())
}

impl Way {
    /// Says what runs on the way through `steps`; `once` leaves out the blocks of a step that it
    /// comes back to.
    pub(super) fn new(scan: &Scan, steps: &[String], once: bool) -> Self {
        let mut runs: HashMap<String, u64> = HashMap::new();
        let mut stops: Vec<Stop> = Vec::new();
        for step in steps {
            let Some(page) = page(scan, step) else {
                continue;
            };
            let before = stops.last().and_then(|stop| self::page(scan, &stop.step));
            let link = before.and_then(|before| link_to(before, step));
            let mut acts = on_load(scan, step);
            if !(once && stops.iter().any(|stop| stop.step == *step)) {
                acts.extend(blocks(page));
            }
            for act in &mut acts {
                let runs = runs.entry(act.invocation.id.clone()).or_default();
                let allowed = act.invocation.max_invocations.allows(*runs);
                act.left_out = match act.expectation.untested {
                    true => Some("its header says so"),
                    false if allowed => None,
                    false => Some("it has run as often as it may"),
                };
                *runs += u64::from(act.left_out.is_none());
            }
            // Nobody clicks on these, and nobody misses them.
            acts.retain(|act| act.block.is_some() || act.left_out.is_none());
            stops.push(Stop {
                step: step.clone(),
                link,
                acts,
            });
        }
        let mut way = Self { stops };
        way.look_ahead();
        way
    }

    /// Notes for each act what comes next in its terminal.
    fn look_ahead(&mut self) {
        let mut next: HashMap<String, Next> = HashMap::new();
        let mut seen = HashSet::new();
        let stops = self.stops.iter_mut();
        let stops: Vec<(bool, &mut Stop)> = stops
            .map(|stop| (seen.insert(stop.step.clone()), stop))
            .collect();
        for (is_new, stop) in stops.into_iter().rev() {
            for act in stop.acts.iter_mut().rev() {
                if act.left_out.is_some() || act.is_check {
                    continue;
                }
                let terminal = act.invocation.terminal.clone();
                let this = if act.interrupts() {
                    Next::Interrupts
                } else if is_new || act.block.is_some() {
                    Next::Types(act.place.clone())
                } else {
                    // What runs by itself on the way back is no reason to fail what ran before, as
                    // a server that is started on each load.
                    act.next = next.get(&terminal).cloned().unwrap_or(Next::Nothing);
                    continue;
                };
                act.next = next.insert(terminal, this).unwrap_or(Next::Nothing);
            }
        }
    }
}

fn link_to(page: &Page, step: &str) -> Option<usize> {
    page.links.iter().position(|link| {
        let target = link.command.as_ref().and_then(|command| command.step());
        target == Some(step)
    })
}

fn on_load(scan: &Scan, step: &str) -> Vec<Act> {
    let all = &scan.description.config.on_load;
    let Some(on_load) = all.iter().find(|on_load| on_load.step == step) else {
        return Vec::new();
    };
    let lines = on_load.lines.iter().copied().chain(std::iter::repeat(None));
    let act = |(invocation, line): (&Invocation, Option<usize>)| Act {
        step: step.to_owned(),
        block: None,
        invocation: invocation.clone(),
        expectation: Expectation::default(),
        place: Place {
            file: CONFIG_FILE.to_owned(),
            line,
        },
        next: Next::Nothing,
        is_check: false,
        left_out: None,
    };
    let runs = on_load.commands.iter().zip(lines);
    runs.filter(|(invocation, _)| invocation.executable)
        .map(act)
        .collect()
}

fn blocks(page: &Page) -> impl Iterator<Item = Act> {
    let runs = page.blocks.iter();
    runs.filter(|block| matches!(block.kind, BlockKind::Executable | BlockKind::Check))
        .map(|block| Act {
            step: page.step.clone(),
            block: Some(block.index),
            invocation: block.invocation.clone(),
            expectation: block.expectation.clone(),
            place: Place {
                file: format!("{}.md", page.step),
                line: Some(block.text_line),
            },
            next: Next::Nothing,
            is_check: block.kind == BlockKind::Check,
            left_out: None,
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::lab::Folder;

    fn scan(files: &[(&str, &str)]) -> Scan {
        let temp = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(temp.path().join(name), text).unwrap();
        }
        Scan::new(&Folder::open(temp.path()).unwrap())
    }

    fn links(steps: &[&str]) -> String {
        let link = |step: &&str| format!("[x](command:katapod.loadPage?{step})\n\n");
        steps.iter().map(link).collect()
    }

    #[test]
    fn first_way_follows_links_to_what_is_new() {
        let scan = scan(&[
            ("intro.md", &links(&["a", "b"])),
            ("a.md", &links(&["intro", "b", "c"])),
            ("b.md", &links(&["a", "c"])),
            ("c.md", &links(&["b", "nowhere"])),
        ]);
        assert_eq!(first(&scan), ["intro", "a", "b", "c"]);
        let (ways, more) = all(&scan);
        let ways: Vec<String> = ways.iter().map(|way| way.join(" ")).collect();
        assert_eq!(
            ways,
            ["intro a b c", "intro a c b", "intro b a c", "intro b c"]
        );
        assert!(!more);
    }

    #[test]
    fn first_way_goes_back_to_a_list_of_chapters() {
        let scan = scan(&[
            ("intro.md", &(links(&["a", "b"]) + "```\ntrue\n```\n")),
            ("a.md", &links(&["intro"])),
            ("b.md", &links(&["intro", "c"])),
            ("c.md", &links(&["b"])),
            ("apart.md", ""),
        ]);
        let steps = first(&scan);
        assert_eq!(steps, ["intro", "a", "intro", "b", "c"]);
        let way = Way::new(&scan, &steps, true);
        let acts: Vec<usize> = way.stops.iter().map(|stop| stop.acts.len()).collect();
        assert_eq!(acts, [1, 0, 0, 0, 0]);
    }

    #[test]
    fn way_back_repeats_on_load_commands_that_may_run_again_and_fails_nothing_for_them() {
        let config = r#"{"layout": {"terminals": [{"id": "a"}, {"id": "b"}, {"id": "c"}]},
            "navigation": {"onLoadCommands": {"intro": {"a": [{"command": "once"}],
            "b": [{"command": "serve", "maxInvocations": "unlimited"}],
            "c": [{"command": "serve", "maxInvocations": "unlimited",
            "macrosBefore": ["ctrl_c"]}]}}}}"#;
        let scan = scan(&[
            (".katapod_config.json", config),
            ("intro.md", &links(&["x", "y"])),
            ("x.md", &links(&["intro"])),
            ("y.md", ""),
        ]);
        let steps = first(&scan);
        assert_eq!(steps, ["intro", "x", "intro", "y"]);
        let way = Way::new(&scan, &steps, true);
        let acts = |stop: &Stop| {
            let acts = stop.acts.iter();
            let told = acts.map(|act| (act.invocation.terminal.clone(), act.next.clone()));
            told.collect::<Vec<_>>()
        };
        let [a, b, c] = ["a", "b", "c"].map(str::to_owned);
        let first_time = [
            (a, Next::Nothing),
            (b.clone(), Next::Nothing),
            (c.clone(), Next::Interrupts),
        ];
        assert_eq!(acts(&way.stops[0]), first_time);
        let again = [(b, Next::Nothing), (c, Next::Nothing)];
        assert_eq!(acts(&way.stops[2]), again);
    }

    #[test]
    fn ways_through_a_dense_graph_have_a_bound() {
        let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
        let all_links = links(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut files = vec![("intro.md".to_owned(), all_links.clone())];
        files.extend(
            names
                .iter()
                .map(|name| (format!("{name}.md"), all_links.clone())),
        );
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let (ways, more) = all(&scan(&files));
        assert_eq!((ways.len(), more), (MAX_WAYS, true));
    }

    #[test]
    fn what_comes_next_in_a_terminal_is_known() {
        let scan = scan(&[
            (
                ".katapod_config.json",
                r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#,
            ),
            (
                "intro.md",
                "```\n### api\nserve\n```\n\n```\nask\n```\n\n```\n### {\"maxInvocations\": 0}\nno\n```\n\n\
                 [x](command:katapod.loadPage?b)\n",
            ),
            (
                "b.md",
                "```\nask\n```\n\n```\n### {\"terminalId\": \"api\", \"macrosBefore\": [\"ctrl_c\"]}\nx\n```\n",
            ),
        ]);
        let way = Way::new(&scan, &first(&scan), true);
        let acts: Vec<&Act> = way.stops.iter().flat_map(|stop| &stop.acts).collect();
        let place = |file: &str, line| Place {
            file: file.to_owned(),
            line: Some(line),
        };
        let next: Vec<&Next> = acts.iter().map(|act| &act.next).collect();
        let expected = [
            &Next::Interrupts,
            &Next::Types(place("b.md", 2)),
            &Next::Nothing,
            &Next::Nothing,
            &Next::Nothing,
        ];
        assert_eq!(next, expected);
        assert!(acts[2].left_out.is_some());
        assert_eq!(acts[0].place.to_string(), "intro.md:3");
        assert_eq!(way.stops[1].link, Some(0));
    }
}
