//! Where the values of a JSON text stand, which a parsed value no longer tells.

use super::diagnostic::Place;
use std::collections::HashMap;

/// How deep values are followed; the config's own stand higher.
const MAX_DEPTH: usize = 16;

/// The places of the values of a JSON text, by JSON pointer (RFC 6901, without its escapes).
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<String, Place>);

impl Places {
    /// Finds all values of a text. An object's entry is placed at its key.
    pub(super) fn of(text: &str) -> Self {
        let mut scanner = Scanner::default();
        let mut letters = text.chars();
        let mut place = Place { line: 1, column: 1 };
        while let Some(letter) = letters.next() {
            let start = place;
            let mut read = String::from(letter);
            if letter == '"' {
                read_string(&mut letters, &mut read);
            }
            for letter in read.chars() {
                place = behind(place, letter);
            }
            scanner.token(&read, start);
        }
        Self(scanner.found)
    }

    /// Where the value of that pointer stands.
    pub(super) fn get(&self, pointer: &str) -> Option<Place> {
        self.0.get(pointer).copied()
    }
}

/// Reads a string to its closing quote.
fn read_string(letters: &mut std::str::Chars<'_>, read: &mut String) {
    while let Some(letter) = letters.next() {
        read.push(letter);
        match letter {
            '"' => return,
            '\\' => read.extend(letters.next()),
            _ => {}
        }
    }
}

fn behind(place: Place, letter: char) -> Place {
    if letter == '\n' {
        Place {
            line: place.line + 1,
            column: 1,
        }
    } else {
        Place {
            column: place.column + 1,
            ..place
        }
    }
}

/// Follows the structure of a JSON text. Texts that are none give places of no use, and no harm.
#[derive(Debug, Default)]
struct Scanner {
    found: HashMap<String, Place>,
    /// What is open, outermost first.
    open: Vec<Open>,
    /// How many values are open beyond those followed.
    beyond: usize,
    /// Whether a scalar has begun and not ended.
    in_scalar: bool,
}

/// An array or object that is open.
#[derive(Debug)]
struct Open {
    pointer: String,
    /// The index of the next item; `None` in an object.
    index: Option<usize>,
    /// The key whose value comes next, and its place.
    key: Option<(String, Place)>,
}

impl Scanner {
    fn token(&mut self, token: &str, place: Place) {
        match token {
            "{" | "[" => self.open(token == "[", place),
            "}" | "]" => self.close(),
            "," => {
                self.in_scalar = false;
                if let Some(Open { index, key, .. }) = self.innermost() {
                    *index = index.map(|index| index + 1);
                    *key = None;
                }
            }
            ":" => {}
            _ if token.starts_with('"') => self.string(token, place),
            _ if token.trim().is_empty() => self.in_scalar = false,
            _ if !self.in_scalar => {
                self.in_scalar = true;
                self.value(place);
            }
            _ => {}
        }
    }

    fn innermost(&mut self) -> Option<&mut Open> {
        if self.beyond > 0 {
            return None;
        }
        self.open.last_mut()
    }

    fn string(&mut self, token: &str, place: Place) {
        match self.innermost() {
            Some(Open {
                index: None, key, ..
            }) if key.is_none() => {
                let text = serde_json::from_str(token).unwrap_or_default();
                *key = Some((text, place));
            }
            _ => drop(self.value(place)),
        }
    }

    /// Places a value, and gives its pointer.
    fn value(&mut self, place: Place) -> Option<String> {
        let (pointer, place) = match self.open.last() {
            None => (String::new(), place),
            Some(_) if self.beyond > 0 => return None,
            Some(open) => {
                let (key, place) = match (&open.key, open.index) {
                    (Some((key, at)), _) => (key.clone(), *at),
                    (None, Some(index)) => (index.to_string(), place),
                    (None, None) => return None,
                };
                (format!("{}/{key}", open.pointer), place)
            }
        };
        self.found.insert(pointer.clone(), place);
        Some(pointer)
    }

    fn open(&mut self, is_array: bool, place: Place) {
        let pointer = self.value(place);
        match pointer {
            Some(pointer) if self.open.len() < MAX_DEPTH => self.open.push(Open {
                pointer,
                index: is_array.then_some(0),
                key: None,
            }),
            _ => self.beyond += 1,
        }
    }

    fn close(&mut self) {
        self.in_scalar = false;
        if self.beyond > 0 {
            self.beyond -= 1;
        } else {
            self.open.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_placed_at_their_keys() {
        let text = "{\"a\": [1,\n  {\"b\\n\": \"}\"}, [[2]]],\n \"c\": null}";
        let places = Places::of(text);
        let at = |pointer: &str| places.get(pointer).map(|place| (place.line, place.column));
        assert_eq!(at(""), Some((1, 1)));
        assert_eq!(at("/a"), Some((1, 2)));
        assert_eq!(at("/a/0"), Some((1, 8)));
        assert_eq!(at("/a/1"), Some((2, 3)));
        assert_eq!(at("/a/1/b\n"), Some((2, 4)));
        assert_eq!(at("/a/2/0/0"), Some((2, 19)));
        assert_eq!(at("/c"), Some((3, 2)));
        assert_eq!(at("/d"), None);
    }

    proptest! {
        #[test]
        fn prop_any_text_is_scanned(text in "[\\[\\]{}\",:a1 \\n\\\\]{0,60}") {
            prop_assert!(Places::of(&text).0.len() <= text.len());
        }
    }
}
