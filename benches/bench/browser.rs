//! What a learner's browser sees; `benches/browser.mjs` drives it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{Fault, KATAHOST, ROOT, figures::Figures, say};

pub(crate) fn measure(figures: &mut Figures) {
    say("browser");
    match drive() {
        Ok(rows) => {
            for (row, values) in rows.as_object().into_iter().flatten() {
                for value in values.as_array().into_iter().flatten() {
                    figures.add(row, "katahost", value.as_f64().unwrap_or(f64::NAN));
                }
            }
        }
        Err(fault) => figures.miss(format!("browser: {fault}")),
    }
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
