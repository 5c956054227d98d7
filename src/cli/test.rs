//! `katahost test`: plays a whole lab without a browser, and judges each block.

mod json;
mod judge;
mod junit;
mod plan;
mod player;
mod report;
mod running_on;
mod sightings;
mod stage;
mod verdict;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, builder::FalseyValueParser};
use tokio_util::sync::CancellationToken;

use self::{
    json::Results,
    plan::Way,
    player::Manner,
    verdict::{Case, Problem, Suite, Tally, Verdict},
};
use super::{
    Failure, Outcome, output, report as diagnostics, serve::shell_integration,
    signals::stop_on_signals, source::Source,
};
use crate::{
    lab::{Folder, Integration, Library, Scan, recordings},
    scenario::{Severity, recording::Recording},
};

/// The exit code of a program that Ctrl-C ended, as shells have it.
const INTERRUPTED: u8 = 130;

/// How long what runs gets to end with the program.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// Play a lab without a browser: every block of every step, as a learner would click on them
///
/// The lab is copied first, and nothing is left behind. From `intro` on, the first link to a step
/// not yet seen is followed. Each block that may run is run once, and waited for. It passes where
/// its last command ends with 0, or as the keys `exitCode`, `expect`, `timeout` and `prompt` of its
/// header say. A program that the next block in its terminal interrupts with Ctrl-C, or that
/// nothing follows there, may run on.
///
/// The exit code is 0 when all is well, 1 when something failed or `katahost check` finds errors,
/// 2 where there is nothing to test.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "Examples:\n  \
    katahost test .                        the lab in this folder\n  \
    katahost test labs/ --junit junit.xml  every lab in a folder of labs, for CI\n  \
    katahost test . --path intro,step1,step3b\n  \
    katahost test . --record               keeps what blocks write, to be shown when they fail")]
pub(super) struct Arguments {
    /// A lab's folder, a folder of such folders, or a file that `katahost export` wrote
    path: PathBuf,
    /// The steps to go through, instead of following the first links
    #[arg(
        long = "path",
        value_name = "STEPS",
        value_delimiter = ',',
        conflicts_with = "all_paths"
    )]
    steps: Vec<String>,
    /// Go through the steps in every way that visits none twice, each time from the beginning
    #[arg(long)]
    all_paths: bool,
    /// How long a block may take that does not say so with `timeout`
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    timeout: f64,
    /// Go on after a failure. What follows may fail because of it
    #[arg(long)]
    keep_going: bool,
    /// Keep what each block writes in the lab's folder `recordings`, to be shown when it fails on
    /// stage
    #[arg(long)]
    record: bool,
    /// Write the results as `JUnit` XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the results as JSON, to standard output or with `--json=FILE` to a file
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "-"
    )]
    json: Option<PathBuf>,
    /// Print failures as annotations of a GitHub workflow, which is so by itself within one
    #[arg(long, env = "GITHUB_ACTIONS", hide_env = true, value_parser = FalseyValueParser::new())]
    github: bool,
    /// The shell to run, instead of the one that `SHELL` names
    #[arg(long, env = "KATAHOST_SHELL")]
    shell: Option<PathBuf>,
}

/// What all scenarios are tested with.
struct Tester<'a> {
    arguments: &'a Arguments,
    manner: Manner,
    integration: Option<Integration>,
    single: bool,
    stop: CancellationToken,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let timeout = Duration::try_from_secs_f64(arguments.timeout)
        .ok()
        .filter(|timeout| !timeout.is_zero() && timeout.as_secs() <= 86_400)
        .ok_or_else(|| {
            let message = format!("`--timeout {}` is no time to wait", arguments.timeout);
            Failure::usage(message, "give seconds, more than 0 and a day at most")
        })?;
    let source = Source::open(&arguments.path)?;
    if arguments.record && source.is_archive() {
        return Err(Failure::usage(
            "recordings can't be kept in an archive",
            "test its folder, and export it again",
        ));
    }
    // Nobody should wait for results that can't be kept.
    let standard = Path::new("-");
    let files = [&arguments.junit, &arguments.json].into_iter().flatten();
    for file in files.filter(|file| *file != standard) {
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let message = format!("there is no folder `{}`", folder.display());
            return Err(Failure::usage(message, "make it, or name another file"));
        }
    }
    let library = &source.library;
    let single = library.single().is_some();
    if !single && !arguments.steps.is_empty() {
        return Err(Failure::usage(
            format!("`{}` holds several labs", arguments.path.display()),
            "name the folder of the one that the path is for",
        ));
    }
    let tester = Tester {
        arguments,
        manner: Manner {
            timeout,
            patience: Duration::from_secs(5),
            keep_going: arguments.keep_going,
        },
        integration: shell_integration(),
        single,
        stop: CancellationToken::new(),
    };
    let runtime = tokio::runtime::Runtime::new();
    let runtime = runtime.map_err(|error| Failure::broken(error.to_string()))?;
    let mut suites = Vec::new();
    let tested = runtime.block_on(tester.test(library, &mut suites));
    runtime.shutdown_timeout(END_PATIENCE);
    // What is known by now is told, whatever came between.
    if !suites.is_empty() {
        tester.report(&suites)?;
    }
    tested?;
    let tally = Tally::of(suites.iter().flat_map(|suite| &suite.cases));
    Ok(if tally.failed > 0 {
        Outcome::Faults
    } else {
        Outcome::Done
    })
}

impl Tester<'_> {
    async fn test(&self, library: &Library, suites: &mut Vec<Suite>) -> Result<(), Failure> {
        stop_on_signals(&self.stop)?;
        for folder in library.scenarios() {
            self.test_scenario(folder, suites).await?;
            if self.stop.is_cancelled() {
                return Err(Failure {
                    message: "the test was interrupted".to_owned(),
                    hint: None,
                    code: INTERRUPTED,
                });
            }
        }
        Ok(())
    }

    async fn test_scenario(&self, folder: &Folder, suites: &mut Vec<Suite>) -> Result<(), Failure> {
        let scan = Scan::new(folder);
        self.say(&format!("{}\n", folder.name()));
        let errors = self.errors(folder, &scan);
        if !errors.is_empty() {
            suites.push(self.suite(folder, Vec::new(), Duration::ZERO, errors));
            return Ok(());
        }
        let ways = if self.arguments.all_paths {
            let (ways, more) = plan::all(&scan);
            if more {
                let played = ways.len();
                output::warning(&format!(
                    "`{}` has more ways through its steps than can be played; the first {played} are",
                    folder.name()
                ));
            }
            ways
        } else if self.arguments.steps.is_empty() {
            vec![plan::first(&scan)]
        } else {
            vec![plan::named(&scan, &self.arguments.steps)?]
        };
        let unseen = self.unseen(&scan, &ways);
        let mut recorded = HashSet::new();
        for steps in ways {
            if self.arguments.all_paths {
                self.say(&format!("  by {}\n", steps.join(", ")));
            }
            let began = Instant::now();
            let way = Way::new(&scan, &steps, self.arguments.steps.is_empty());
            let mut found = (Vec::new(), Vec::new());
            let mut failed = self.play(folder, &scan, &way, &mut found).await.err();
            let (mut cases, recordings) = found;
            for recording in recordings {
                let subject = &recording.header.katahost;
                let place = (subject.step.clone(), subject.block);
                if self.arguments.record && failed.is_none() && !recorded.contains(&place) {
                    failed = keep(folder, &recording).err();
                    recorded.extend(failed.is_none().then_some(place));
                }
            }
            if let Some(failure) = failed {
                let case = lost(failure);
                self.say(&report::progress(&case, &self.prefix(folder), None));
                cases.push(case);
            }
            suites.push(self.suite(folder, steps, began.elapsed(), cases));
            if self.stop.is_cancelled() {
                return Ok(());
            }
        }
        for case in &unseen {
            self.say(&report::progress(case, &self.prefix(folder), None));
        }
        if let Some(suite) = suites.last_mut() {
            suite.cases.extend(unseen);
        }
        if !recorded.is_empty() {
            let count = recorded.len();
            self.say(&format!("  recorded {count} blocks in `recordings`\n"));
        }
        Ok(())
    }

    /// The steps that none of the ways leads to, each as a case; nothing where the way was named.
    fn unseen(&self, scan: &Scan, ways: &[Vec<String>]) -> Vec<Case> {
        let seen: HashSet<&String> = ways.iter().flatten().collect();
        let pages = scan.pages.iter().filter(|page| !seen.contains(&page.step));
        if !self.arguments.steps.is_empty() {
            return Vec::new();
        }
        let why = if self.arguments.all_paths {
            "no way that was played leads there"
        } else {
            "the way does not lead there; `--path` and `--all-paths` go other ways"
        };
        let case = |step: &String| Case {
            step: step.clone(),
            ..Case::outside("step", format!("{step}.md"), Verdict::Skipped(why))
        };
        pages.map(|page| case(&page.step)).collect()
    }

    /// What `katahost check` finds that does not work.
    fn errors(&self, folder: &Folder, scan: &Scan) -> Vec<Case> {
        let prefix = self.prefix(folder);
        let errors = scan.diagnostics.iter();
        errors
            .filter(|found| found.severity == Severity::Error)
            .map(|found| {
                let source = scan.source(&found.file);
                self.say(&diagnostics::render(found, &prefix, source));
                let mut problem = Problem::new(found.message.clone());
                problem.hint.clone_from(&found.hint);
                let file = found.file.clone();
                let mut case = Case::outside("check", file, Verdict::Failed(problem));
                found.code.clone_into(&mut case.title);
                case.place.line = found.line;
                case
            })
            .collect()
    }

    fn suite(
        &self,
        folder: &Folder,
        steps: Vec<String>,
        took: Duration,
        cases: Vec<Case>,
    ) -> Suite {
        Suite {
            scenario: folder.name().to_owned(),
            prefix: self.prefix(folder),
            steps,
            is_one_of_many: self.arguments.all_paths,
            took,
            cases,
        }
    }

    /// What stands before the names of a scenario's files, so that they can be found from here.
    fn prefix(&self, folder: &Folder) -> String {
        let path = self.arguments.path.to_string_lossy();
        let path = path.trim_end_matches('/');
        let path = path.strip_prefix("./").unwrap_or(path);
        match (path, self.single) {
            ("." | "", true) => String::new(),
            ("." | "", false) => format!("{}/", folder.name()),
            (path, true) => format!("{path}/"),
            (path, false) => format!("{path}/{}/", folder.name()),
        }
    }

    /// Tells people something, where standard output is not for a program.
    fn say(&self, text: &str) {
        if self.arguments.json.as_deref() == Some(Path::new("-")) {
            output::note(text);
        } else {
            output::print(text);
        }
    }

    fn report(&self, suites: &[Suite]) -> Result<(), Failure> {
        let all = || suites.iter().flat_map(|suite| &suite.cases);
        if self.arguments.github {
            for suite in suites {
                self.say(&report::annotations(suite));
            }
        }
        if let Some(file) = &self.arguments.junit {
            write(file, &junit::document(suites))?;
        }
        match &self.arguments.json {
            Some(file) if file == Path::new("-") => output::print_json(&Results::new(suites))?,
            Some(file) => {
                let json = serde_json::to_string_pretty(&Results::new(suites));
                let json = json.map_err(|error| Failure::broken(error.to_string()))?;
                write(file, &(json + "\n"))?;
            }
            None => {}
        }
        self.say(&format!("{}\n", Tally::of(all())));
        Ok(())
    }
}

/// What befell a lab that could not be played, or not to its end.
fn lost(failure: Failure) -> Case {
    let mut problem = Problem::new(failure.message);
    problem.hint = failure.hint;
    Case::outside("lab", String::new(), Verdict::Failed(problem))
}

fn keep(folder: &Folder, recording: &Recording) -> Result<(), Failure> {
    recordings::keep(folder, recording).map_err(|error| {
        let message = format!("a recording can't be kept in `{}`: {error}", folder.name());
        Failure::usage(message, "record a lab in a folder that you may write to")
    })
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| {
        let message = format!("`{}` can't be written: {error}", file.display());
        Failure::usage(message, "name a file that you may write")
    })
}
