//! What a learner's browser sees; scripts drive it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{Bench, Fault, KATAHOST, ROOT, figures::Figures, say};

/// The scripts that drive it.
const SCRIPTS: [&str; 3] = ["browser.mjs", "terminal.mjs", "interrupt.mjs"];

pub(crate) fn measure(bench: &mut Bench) {
    for script in SCRIPTS {
        say(&format!("benches/{script}"));
        match drive(script, &bench.fixture.log()) {
            Ok(rows) => add(&rows, &mut bench.figures),
            Err(fault) => bench.figures.miss(format!("{script}: {fault}")),
        }
    }
}

/// Takes the rows that a script printed: for each one, and each subject in it, a list of values.
fn add(rows: &Value, figures: &mut Figures) {
    for (row, subjects) in rows.as_object().into_iter().flatten() {
        for (subject, values) in subjects.as_object().into_iter().flatten() {
            for value in values.as_array().into_iter().flatten() {
                figures.add(row, subject, value.as_f64().unwrap_or(f64::NAN));
            }
        }
    }
}

fn drive(script: &str, log: &Path) -> Result<Value, Fault> {
    let output = Command::new("node")
        .arg(Path::new(ROOT).join("benches").join(script))
        .env("KATAHOST_BIN", KATAHOST)
        .env("KATAHOST_BENCH_LOG_FILE", log)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("it could not be driven (see above)".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
