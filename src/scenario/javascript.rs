//! JSON values as JavaScript treats them where it expects another type.
//!
//! The original was JavaScript and checked no types, so real scenarios lean on its conversions.

use super::block::Limit;
use super::text::trim;
use serde_json::{Map, Value};

/// How deep a value is converted; what is nested deeper than any author would is no number.
const MAX_DEPTH: usize = 64;

/// What `maxInvocations` allows: the number of whole counts from 0 that are less than the value,
/// as JavaScript's `<` compares them.
pub(super) fn limit(value: &Value) -> Limit {
    if value.as_str() == Some("unlimited") {
        return Limit::UNLIMITED;
    }
    let number = to_number(value);
    if number == f64::INFINITY {
        return Limit::UNLIMITED;
    }
    if number.is_nan() || number <= 0.0 {
        return Limit(Some(0));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive here, and a cast from a float saturates"
    )]
    let runs = number.ceil() as u64;
    Limit(Some(runs))
}

/// `Number(value)`.
pub(super) fn to_number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => parse_number(text),
        Value::Array(_) => parse_number(&to_string(value)),
        Value::Object(_) => f64::NAN,
    }
}

/// `String(value)`.
pub(super) fn to_string(value: &Value) -> String {
    string_within(value, MAX_DEPTH)
}

fn string_within(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number_to_string(number),
        Value::String(text) => text.clone(),
        Value::Object(_) => "[object Object]".to_owned(),
        Value::Array(items) => join(items, depth),
    }
}

/// `items.join()`, for which `null` is empty.
fn join(items: &[Value], depth: usize) -> String {
    let Some(depth) = depth.checked_sub(1) else {
        return "[object Array]".to_owned();
    };
    let texts: Vec<String> = items
        .iter()
        .map(|item| {
            if item.is_null() {
                String::new()
            } else {
                string_within(item, depth)
            }
        })
        .collect();
    texts.join(",")
}

/// Writes `1.0` as `1`, as JavaScript does; exponents stay as Rust writes them.
fn number_to_string(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// `Number(text)`: decimal, `0x`, `0o`, `0b`, `Infinity`, or nothing for 0.
fn parse_number(text: &str) -> f64 {
    let text = trim(text);
    if text.is_empty() {
        return 0.0;
    }
    for (prefix, radix) in [
        ("0x", 16),
        ("0X", 16),
        ("0o", 8),
        ("0O", 8),
        ("0b", 2),
        ("0B", 2),
    ] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return parse_digits(digits, radix);
        }
    }
    match text {
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        // Rust also reads `inf` and `nan` as numbers, in any case.
        _ if text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) =>
        {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}

fn parse_digits(digits: &str, radix: u32) -> f64 {
    if digits.is_empty() {
        return f64::NAN;
    }
    digits
        .chars()
        .try_fold(0.0, |number, c| {
            c.to_digit(radix)
                .map(|digit| number * f64::from(radix) + f64::from(digit))
        })
        .unwrap_or(f64::NAN)
}

/// The entries of an object in the order in which JavaScript iterates them: keys that are array
/// indices first, ascending, then the others as written.
pub(super) fn entries(object: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut entries: Vec<(&str, &Value)> = object
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    entries.sort_by_key(|(key, _)| array_index(key).map_or(u64::MAX, u64::from));
    entries
}

/// The array index that `key` is: canonical decimal, less than 2³² − 1.
fn array_index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok()?;
    (index != u32::MAX && index.to_string() == key).then_some(index)
}

/// Reads JSON; a byte order mark before it is no error here.
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_compare_as_javascript_does() {
        let cases = [
            (json!("unlimited"), None),
            (json!("Infinity"), None),
            (json!(1), Some(1)),
            (json!("1"), Some(1)),
            (json!(" 2 "), Some(2)),
            (json!("0x10"), Some(16)),
            (json!("1e1"), Some(10)),
            (json!(1.5), Some(2)),
            (json!(0), Some(0)),
            (json!(-0.5), Some(0)),
            (json!(-3), Some(0)),
            (json!("lots"), Some(0)),
            (json!("inf"), Some(0)),
            (json!(""), Some(0)),
            (json!(null), Some(0)),
            (json!(true), Some(1)),
            (json!(false), Some(0)),
            (json!([]), Some(0)),
            (json!([3]), Some(3)),
            (json!([[2]]), Some(2)),
            (json!([1, 2]), Some(0)),
            (json!([null]), Some(0)),
            (json!({}), Some(0)),
        ];
        for (value, runs) in cases {
            assert_eq!(limit(&value), Limit(runs), "{value}");
        }
    }

    #[test]
    fn numbers_become_strings_without_a_needless_fraction() {
        assert_eq!(to_string(&json!(1.0)), "1");
        assert_eq!(to_string(&json!(1.5)), "1.5");
        assert_eq!(to_string(&json!([1, null, "a"])), "1,,a");
    }

    #[test]
    fn integer_like_keys_come_first() {
        let value = json!({"b": 0, "10": 0, "a": 0, "2": 0, "01": 0, "-1": 0});
        let keys: Vec<&str> = entries(value.as_object().unwrap())
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert_eq!(keys, ["2", "10", "b", "a", "01", "-1"]);
    }
}
