//! A text frame as a call of JSON-RPC 2.0, and what is wrong with it.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::protocol::{
    MAX_NAME_CHARS,
    error::ErrorCode,
    rpc::{Incoming, JSONRPC, RpcError},
};

/// Lengths of the ids that clients make: long enough to be their own, short enough to keep.
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

pub(super) fn parse(text: &str) -> Result<Incoming, RpcError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        RpcError::new(
            ErrorCode::ParseError,
            format!("the frame is not JSON: {error}"),
            None,
        )
    })?;
    let invalid = |reason: String| {
        let hint = Some("one frame carries one JSON-RPC 2.0 object".to_owned());
        RpcError::new(
            ErrorCode::InvalidRequest,
            format!("the frame is no call: {reason}"),
            hint,
        )
    };
    if !value.is_object() {
        return Err(invalid("it is no object".to_owned()));
    }
    let incoming: Incoming =
        serde_json::from_value(value).map_err(|error| invalid(error.to_string()))?;
    if incoming.jsonrpc != JSONRPC {
        return Err(invalid(format!("`jsonrpc` is not `{JSONRPC}`")));
    }
    Ok(incoming)
}

pub(super) fn params<T: DeserializeOwned>(params: Option<Value>) -> Result<T, RpcError> {
    serde_json::from_value(params.unwrap_or_default()).map_err(|error| {
        let message = format!("the parameters are wrong: {error}");
        RpcError::new(ErrorCode::InvalidParams, message, None)
    })
}

pub(super) fn check_id(name: &str, id: &str) -> Result<(), RpcError> {
    if ID_LENGTHS.contains(&id.len()) {
        return Ok(());
    }
    let (least, most) = (ID_LENGTHS.start(), ID_LENGTHS.end());
    let message = format!("`{name}` has {} bytes, not {least} to {most}", id.len());
    Err(RpcError::new(ErrorCode::InvalidParams, message, None))
}

/// A name as others may see it: one line, not too long.
pub(super) fn tidy_name(name: &str) -> String {
    let words: Vec<&str> = name
        .split(|c: char| c.is_whitespace() || c.is_control() || is_bidi_control(c))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(MAX_NAME_CHARS).collect()
}

/// Whether a character changes the direction of the text around it, as names must not.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn to_value(result: impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| internal(&error))
}

fn internal(error: &serde_json::Error) -> RpcError {
    RpcError::new(
        ErrorCode::Internal,
        format!("the answer has no JSON form: {error}"),
        None,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::introduction::initialize_params, *};
    use crate::protocol::client::{
        AckParams, ExecuteCommandParams, InitializeParams, ResizeParams,
    };

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(2.0|.{0,8})".prop_map(Value::from),
        ];
        let key = "(jsonrpc|id|method|params|result|error|code|message|data|[a-z]{1,4})";
        leaf.prop_recursive(4, 24, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(key, inner, 0..6)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    fn check(text: &str) -> Result<(), TestCaseError> {
        match parse(text) {
            Ok(call) => prop_assert_eq!(call.jsonrpc, JSONRPC),
            Err(error) => {
                let known = [ErrorCode::ParseError, ErrorCode::InvalidRequest];
                prop_assert!(known.contains(&error.data.code));
            }
        }
        if let Err((_, error)) = initialize_params(text) {
            prop_assert!(!error.message.is_empty());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn prop_any_text_is_a_call_or_an_error(text in any::<String>()) {
            check(&text)?;
        }

        #[test]
        fn prop_any_json_is_a_call_or_an_error(value in json()) {
            check(&value.to_string())?;
        }

        #[test]
        fn prop_a_call_cut_short_or_changed_is_no_other_call(at in 0usize..90, byte in any::<u8>()) {
            let right = r#"{"jsonrpc":"2.0","id":7,"method":"terminal/ack","params":{"terminal":1,"offset":2}}"#;
            let mut bytes = right.as_bytes().to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            check(&String::from_utf8_lossy(&bytes))?;
            bytes.truncate(at);
            check(&String::from_utf8_lossy(&bytes))?;
        }

        #[test]
        fn prop_any_parameters_are_taken_or_refused(value in json()) {
            drop(params::<ExecuteCommandParams>(Some(value.clone())));
            drop(params::<ResizeParams>(Some(value.clone())));
            drop(params::<AckParams>(Some(value.clone())));
            drop(params::<InitializeParams>(Some(value)));
        }
    }
}
