//! The command line: one file per subcommand.

mod attach;
mod check;
mod commands;
mod completions;
mod exec;
mod export;
mod inspect;
mod new;
mod output;
mod place;
mod progress;
mod quickstart;
mod report;
mod serve;
mod signals;
mod source;
mod test;
mod transcript;
mod trust;
mod visit;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What one does with the program, in the order in which one learns it.
const EXAMPLES: &str = "\
Examples:
  katahost --open                      the quickstart, in your browser
  katahost new my-lab                  a lab of your own, to start from
  katahost serve my-lab                runs it; what you save is shown at once
  katahost --author my-lab             the same, with its mistakes on its pages
  katahost --trust my-lab              runs its on-load commands without asking you first
  katahost check my-lab                its mistakes, each with its line
  katahost test my-lab                 plays it, and judges each block
  katahost export my-lab               one file to give away, my-lab.zip
  katahost exec katapod.loadPage step3 drive a running lab from a script
  katahost attach host                 join its terminal from your own
  katahost transcript --out work.zip   what was run in it, and what came of it

Every option of `serve` has a variable: --listen is KATAHOST_LISTEN, and so on. What an option
switches off has one that is 0: KATAHOST_INTEGRATION=0, KATAHOST_RECORDING=0.";

/// Runs Katapod hands-on labs in any browser: steps on the left, live named terminals on the
/// right.
///
/// Without a subcommand it serves: `katahost PATH` is `katahost serve PATH`.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES,
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    New(new::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    Inspect(inspect::Arguments),
    Export(export::Arguments),
    Exec(exec::Arguments),
    Attach(attach::Arguments),
    Progress(progress::Arguments),
    Transcript(transcript::Arguments),
    Commands(commands::Arguments),
    Completions(completions::Completions),
    #[command(name = "man")]
    Manual(completions::Manual),
}

/// How the program ends when it has done its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All is well.
    Done,
    /// The work was to find faults, and there are some.
    Faults,
}

/// Why the program ends without having done its work.
#[derive(Debug)]
struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// The program could not start with what it was given.
    fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: Some(hint.into()),
            code: 2,
        }
    }

    /// Something failed on the way.
    fn broken(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: 1,
        }
    }
}

/// Runs the program with the arguments of its process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(arguments) => serve::run(arguments).map(|()| Outcome::Done),
        Command::New(arguments) => new::run(&arguments).map(|()| Outcome::Done),
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments).map(|()| Outcome::Done),
        Command::Export(arguments) => export::run(&arguments),
        Command::Exec(arguments) => exec::run(&arguments).map(|()| Outcome::Done),
        Command::Attach(arguments) => attach::run(arguments).map(|()| Outcome::Done),
        Command::Progress(arguments) => progress::run(&arguments).map(|()| Outcome::Done),
        Command::Transcript(arguments) => transcript::run(&arguments).map(|()| Outcome::Done),
        Command::Commands(arguments) => commands::run(&arguments).map(|()| Outcome::Done),
        Command::Completions(arguments) => {
            completions::completions(&arguments);
            Ok(Outcome::Done)
        }
        Command::Manual(_) => completions::manual().map(|()| Outcome::Done),
    };
    match done {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Faults) => ExitCode::from(1),
        Err(failure) => {
            output::error(&failure.message, failure.hint.as_deref());
            ExitCode::from(failure.code)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn path_alone_is_served() {
        let cli = Cli::parse_from(["katahost", "some/lab", "--listen", "127.0.0.1:0"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.path.unwrap().to_str(), Some("some/lab"));
    }
}
