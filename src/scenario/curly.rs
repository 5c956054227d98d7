//! Attribute lists in braces, `{.class #id key=value}`: where a text has one, and what it says.
//!
//! # Compatibility
//!
//! Follows markdown-it-attrs 4.1.3 with its default options.

/// More attributes than this in one list are ignored, so that a hostile list costs little.
const MAX_PAIRS: usize = 100;

/// The list that a text begins with: its attributes, and the text behind it.
pub(super) fn at_start(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let end = closing(text)?;
    let behind = text.get(end + 1..)?;
    if !is_long_enough(text.get(..=end)?) || behind.starts_with('}') {
        return None;
    }
    let (_, rest) = text.split_once('}')?;
    Some((pairs(text), rest))
}

/// The list that a text ends with: the text before it, without one space, and its attributes.
pub(super) fn at_end(text: &str) -> Option<(&str, Vec<(String, String)>)> {
    let (before, list) = text.split_at(text.rfind('{')?);
    if closing(list)? + 1 != list.len() || !is_long_enough(list) {
        return None;
    }
    Some((before.strip_suffix(' ').unwrap_or(before), pairs(list)))
}

/// The attributes of a text that begins with a brace and ends with one; what stands between lists
/// is dropped.
pub(super) fn only(text: &str) -> Option<Vec<(String, String)>> {
    let is_list = text.starts_with('{') && text.ends_with('}') && is_long_enough(text);
    is_list.then(|| pairs(text))
}

/// The index of the brace that closes a text's opening one, with something between them.
fn closing(text: &str) -> Option<usize> {
    let mut chars = text.strip_prefix('{')?.chars();
    chars.next()?;
    let behind = chars.as_str();
    Some(text.len() - behind.len() + behind.find('}')?)
}

/// Whether there is anything in the braces: one character, or two with `.` and `#`.
fn is_long_enough(list: &str) -> bool {
    let needed = if list.starts_with("{.") || list.starts_with("{#") {
        4
    } else {
        3
    };
    list.chars().take(needed).count() == needed
}

/// Reads the pairs of a list up to its first closing brace.
pub(super) fn pairs(list: &str) -> Vec<(String, String)> {
    let mut reader = Pairs::default();
    let mut chars = list.chars().skip(1).peekable();
    while let Some(c) = chars.next() {
        if c == '}' {
            reader.finish();
            break;
        }
        if reader.done.len() >= MAX_PAIRS {
            break;
        }
        // `{..module}` is for CSS modules.
        if c == '.' && reader.key.is_empty() && chars.next_if_eq(&'.').is_some() {
            reader.begin_value("css-module");
        } else {
            reader.take(c);
        }
    }
    reader.done
}

/// Reads pairs character by character.
#[derive(Debug, Default)]
struct Pairs {
    done: Vec<(String, String)>,
    key: String,
    value: String,
    in_value: bool,
    in_quotes: bool,
}

impl Pairs {
    fn take(&mut self, c: char) {
        match c {
            '=' if !self.in_value => self.in_value = true,
            '.' if self.key.is_empty() => self.begin_value("class"),
            '#' if self.key.is_empty() => self.begin_value("id"),
            '"' if self.value.is_empty() => self.in_quotes = true,
            '"' if self.in_quotes => self.in_quotes = false,
            ' ' if !self.in_quotes => {
                if !self.key.is_empty() {
                    self.finish();
                }
            }
            _ if self.in_value => self.value.push(c),
            '\t' | '\n' | '\u{c}' | ' ' | '/' | '>' | '"' | '\'' | '=' => {}
            _ => self.key.push(c),
        }
    }

    fn begin_value(&mut self, key: &str) {
        key.clone_into(&mut self.key);
        self.in_value = true;
    }

    fn finish(&mut self) {
        let key = std::mem::take(&mut self.key);
        let value = std::mem::take(&mut self.value);
        self.in_value = false;
        if !key.is_empty() {
            self.done.push((key, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(list: &str, expected: &[(&str, &str)]) {
        let pairs = pairs(list);
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(pairs, expected, "{list}");
    }

    #[test]
    fn pairs_are_classes_ids_and_keys() {
        check("{.a}", &[("class", "a")]);
        check("{ .a  #b c=d }", &[("class", "a"), ("id", "b"), ("c", "d")]);
        check("{.a.b}", &[("class", "a.b")]);
        check("{..mod}", &[("css-module", "mod")]);
        check("{key}", &[("key", "")]);
        check(
            r#"{title="two words" b=1}"#,
            &[("title", "two words"), ("b", "1")],
        );
        check(r#"{"step": 1}"#, &[("step:1", "")]);
        check("{a=b=c}", &[("a", "b=c")]);
        check("{.a} {.b}", &[("class", "a")]);
        check("{.a", &[]);
        check("{}", &[]);
    }

    #[test]
    fn list_at_the_start_leaves_the_rest() {
        let rest = |text| at_start(text).map(|(_, rest)| rest);
        assert_eq!(rest("{.a} b"), Some(" b"));
        assert_eq!(rest("{.a}{.b}"), Some("{.b}"));
        for text in ["", "{", "{}", "{.}", "{#}", "x{.a}", "{{a}}", "{.a"] {
            assert_eq!(rest(text), None, "{text}");
        }
    }

    #[test]
    fn list_at_the_end_leaves_the_text_before() {
        let before = |text| at_end(text).map(|(before, _)| before);
        assert_eq!(before("a {.b}"), Some("a"));
        assert_eq!(before("a  {.b}"), Some("a "));
        assert_eq!(before("{a"), None);
        assert_eq!(before("use ${HOME}"), Some("use $"));
        for text in ["", "a {.b} ", "a {.b}.", "a {}", "a {.}", "{{a}}"] {
            assert_eq!(before(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn prop_any_text_is_read(text in "[{}.#=\" a\u{17c}\u{1f680}]{0,12}") {
            at_start(&text);
            at_end(&text);
            only(&text);
            pairs(&text);
        }
    }
}
