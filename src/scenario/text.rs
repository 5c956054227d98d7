//! Text as JavaScript and HTML see it: white space, escaping, shortening, likeness.

/// How much of an author's text a message quotes.
const QUOTED_CHARS: usize = 40;

/// Ids longer than this are not compared with others: likeness costs the product of the lengths.
const COMPARED_CHARS: usize = 64;

/// Whether JavaScript's `\s` and `trim` count `c` as white space, which is Unicode's white space
/// with the byte order mark and without U+0085.
pub(super) fn is_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// Trims as JavaScript does.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Trims, and turns every run of white space into one space.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

/// Appends `text` with the characters escaped that mean something in HTML text and attributes.
pub(super) fn escape_into(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(c),
        }
    }
}

/// Quotes an author's text in backticks, shortened to fit a message.
pub(super) fn quote(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(QUOTED_CHARS).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    format!("`{start}{more}`")
}

/// Lists names for a hint: `` `a`, `b` and `c` ``.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// The candidate that `name` was probably meant to be, if one is near enough.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let length = name.chars().count();
    if length > COMPARED_CHARS {
        return None;
    }
    let wanted = name.to_lowercase();
    candidates
        .iter()
        .filter(|candidate| candidate.chars().count() <= COMPARED_CHARS)
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= length.div_ceil(3).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance: how many characters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// FNV-1a with 64 bits: a hash that is the same on every machine and in every version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fnv(u64);

impl Fnv {
    /// The hash of nothing.
    pub(super) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Hashes a text and its end, so that `ab`, `c` and `a`, `bc` differ.
    #[must_use]
    pub(super) fn text(self, text: &str) -> Self {
        text.bytes().chain([0xff]).fold(self, |hash, byte| {
            Self((hash.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        })
    }

    /// The hash as 16 hexadecimal digits.
    pub(super) fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_takes_javascripts_white_space() {
        assert_eq!(fold("\u{feff} a\u{a0}\n\tb\u{3000} "), "a b");
        assert_eq!(fold(""), "");
    }

    #[test]
    fn nearest_forgives_a_typo_and_the_case_but_not_another_word() {
        let ids = ["cqlsh", "bash"];
        assert_eq!(nearest("cqlhs", &ids), Some("cqlsh"));
        assert_eq!(nearest("BASH", &ids), Some("bash"));
        assert_eq!(nearest("kafka-console", &ids), None);
        assert_eq!(nearest("", &ids), None);
    }

    #[test]
    fn quotes_are_short() {
        assert_eq!(quote("api"), "`api`");
        assert_eq!(quote(&"x".repeat(50)), format!("`{}…`", "x".repeat(40)));
    }

    #[test]
    fn fnv_matches_its_published_values() {
        let raw = |text: &str| {
            text.bytes().fold(Fnv::new(), |hash, byte| {
                Fnv((hash.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
            })
        };
        assert_eq!(raw("").hex(), "cbf29ce484222325");
        assert_eq!(raw("a").hex(), "af63dc4c8601ec8c");
        assert_ne!(
            Fnv::new().text("ab").text("c").hex(),
            Fnv::new().text("a").text("bc").hex()
        );
    }
}
