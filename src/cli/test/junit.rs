//! The results of a test as `JUnit` XML, as CI servers read it.

use super::verdict::{Suite, Tally, Verdict};

/// All suites as one document.
pub(super) fn document(suites: &[Suite]) -> String {
    let all = Tally::of(suites.iter().flat_map(|suite| &suite.cases));
    let took: f64 = suites.iter().map(|suite| suite.took.as_secs_f64()).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml += &format!(
        "<testsuites name=\"katahost\"{} time=\"{took:.3}\">\n",
        counts(all)
    );
    for suite in suites {
        let name = escape(&suite.name());
        let took = suite.took.as_secs_f64();
        let tally = counts(Tally::of(&suite.cases));
        xml += &format!("  <testsuite name=\"{name}\"{tally} time=\"{took:.3}\">\n");
        for case in &suite.cases {
            let class = escape(&format!("{}.{}", suite.scenario, case.step));
            let name = escape(format!("{} {}", case.what, case.title).trim());
            let file = escape(&suite.file(case));
            let line = case.place.line.map(|line| format!(" line=\"{line}\""));
            let took = case.took.unwrap_or_default().as_secs_f64();
            xml += &format!(
                "    <testcase classname=\"{class}\" name=\"{name}\" file=\"{file}\"{} \
                 time=\"{took:.3}\"",
                line.unwrap_or_default()
            );
            match &case.verdict {
                Verdict::Passed(_) => xml += "/>\n",
                Verdict::Skipped(why) => {
                    xml += &format!(">\n      <skipped message=\"{}\"/>\n", escape(why));
                    xml += "    </testcase>\n";
                }
                Verdict::Failed(problem) => {
                    let message = escape(&problem.message);
                    let hint = problem.hint.as_deref().unwrap_or_default();
                    let place = escape(&format!("{}{}", suite.prefix, case.place));
                    xml += &format!(
                        ">\n      <failure message=\"{message}\">{place}\n{}</failure>\n",
                        escape(hint)
                    );
                    let output = escape(&problem.output);
                    xml += &format!("      <system-out>{output}</system-out>\n    </testcase>\n");
                }
            }
        }
        xml += "  </testsuite>\n";
    }
    xml + "</testsuites>\n"
}

fn counts(tally: Tally) -> String {
    let Tally {
        passed,
        failed,
        skipped,
    } = tally;
    let tests = passed + failed + skipped;
    format!(" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\"")
}

/// Escapes text, and leaves out what XML can't say (XML 1.0, production 2).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if letter < ' ' => {}
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_controls_are_left_out() {
        assert_eq!(
            escape("a<b>&\"\u{1b}[0m\0\u{ffff}\n"),
            "a&lt;b&gt;&amp;&quot;[0m\n"
        );
    }
}
