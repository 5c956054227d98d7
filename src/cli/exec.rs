//! `katahost exec`: executes one command on a running lab, as any program can over its socket.

use clap::Args;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    Failure, output,
    place::{self, Place, within},
    visit::{greet, visit},
};
use crate::lab::store::random_name;

/// The command that lets a lab run something by itself.
const TRUST: &str = "katahost.trust";

/// Execute one command on a running lab, as a page's link does
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost exec katapod.loadPage step3\n  \
    katahost exec katapod.sendText '{\"command\": \"date\", \"terminalId\": \"host\"}'\n  \
    katahost exec --url 'http://127.0.0.1:7681/?token=…' katapod.start\n\n\
    `katahost commands` lists the commands. The exit code is 0 if the command was executed, 1 if \
    the lab refused it, 2 if there is no such lab.")]
pub(super) struct Arguments {
    #[command(flatten)]
    place: place::Options,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// The command's id, such as katapod.loadPage
    command: String,
    /// Its arguments: each as JSON, or else as text
    #[arg(
        value_name = "ARGUMENTS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    values: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    visit(&arguments.place, async |place, lab| {
        execute(arguments, place, lab).await
    })
}

async fn execute(arguments: &Arguments, place: &Place, lab: &str) -> Result<(), Failure> {
    let values: Vec<Value> = arguments.values.iter().map(|text| value(text)).collect();
    let answer = within(async {
        let (mut client, state) = greet(place, lab, &random_name()).await?;
        let result = client.execute(&arguments.command, values, None).await;
        let result = result.map_err(|error| place.failure(error, lab))?;
        if let Some(trust) = state.trust.filter(|_| arguments.command != TRUST) {
            output::warning(&format!(
                "the lab runs nothing by itself yet; `katahost inspect` lists what it would run, \
                 and `katahost exec {TRUST} '{{\"hash\": \"{}\"}}'` lets it",
                trust.hash
            ));
        }
        let typed = |index: &u16| {
            let terminal = state.terminals.iter().find(|one| one.terminal == *index);
            terminal.map(|one| one.id.clone())
        };
        Ok(Outcome {
            terminals: result.terminals.iter().filter_map(typed).collect(),
            link: result.link.map(|link| place.link(link.url, &link.address)),
        })
    });
    print(arguments, lab, &answer.await?)
}

/// What came of a command.
struct Outcome {
    /// The terminals that were typed into.
    terminals: Vec<String>,
    /// The address of the link that was made.
    link: Option<String>,
}

/// An argument: JSON, or else text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn print(arguments: &Arguments, lab: &str, outcome: &Outcome) -> Result<(), Failure> {
    let lab = percent_decode_str(lab).decode_utf8_lossy();
    let command = &arguments.command;
    if arguments.json {
        return output::print_json(&json!({
            "command": command,
            "lab": lab,
            "terminals": outcome.terminals,
            "link": outcome.link,
        }));
    }
    let typed = match &outcome.terminals[..] {
        [] => String::new(),
        terminals => format!(", typed into `{}`", terminals.join("`, `")),
    };
    output::print(&format!("executed `{command}` on `{lab}`{typed}\n"));
    if let Some(link) = &outcome.link {
        output::print(&format!("{link}\n"));
    }
    Ok(())
}
