//! What a learner's browser sees; `benches/browser.mjs` drives it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{Bench, Fault, KATAHOST, ROOT};

pub(crate) fn measure(bench: &mut Bench) -> Result<(), Fault> {
    for (row, subjects) in drive()?.as_object().into_iter().flatten() {
        for (subject, values) in subjects.as_object().into_iter().flatten() {
            for value in values.as_array().into_iter().flatten() {
                let value = value.as_f64().unwrap_or(f64::NAN);
                bench.figures.add(row, subject, value);
            }
        }
    }
    Ok(())
}

fn drive() -> Result<Value, Fault> {
    let output = Command::new("node")
        .arg(Path::new(ROOT).join("benches/browser.mjs"))
        .env("KATAHOST_BIN", KATAHOST)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("it could not be driven (see above)".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
