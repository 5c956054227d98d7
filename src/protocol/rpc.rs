//! The JSON-RPC 2.0 envelope of text frames.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ErrorData;

/// The only version of JSON-RPC spoken here.
pub const JSONRPC: &str = "2.0";

/// A message as it comes from the other side: a request, a notification or a response.
#[derive(Debug, Clone, Deserialize)]
pub struct Incoming {
    /// Always `2.0`.
    pub jsonrpc: String,
    /// The request's id; absent in a notification.
    #[serde(default)]
    pub id: Option<RequestId>,
    /// What is asked or told; absent in a response.
    #[serde(default)]
    pub method: Option<String>,
    /// The method's parameters.
    #[serde(default)]
    pub params: Option<Value>,
    /// The answer, in a response.
    #[serde(default)]
    pub result: Option<Value>,
    /// The failure, in a response.
    #[serde(default)]
    pub error: Option<RpcError>,
}

/// An id that the asker chose; it comes back in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A number.
    Number(i64),
    /// A string.
    Text(String),
}

/// A request, or a notification where `id` is absent.
#[derive(Debug, Clone, Serialize)]
pub struct Call<'a, P> {
    /// Always `2.0`.
    pub jsonrpc: &'static str,
    /// The request's id; absent in a notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// What is asked or told.
    pub method: &'a str,
    /// The method's parameters.
    pub params: P,
}

/// The answer to a request: exactly one of `result` and `error`.
#[derive(Debug, Clone, Serialize)]
pub struct Response<R> {
    /// Always `2.0`.
    pub jsonrpc: &'static str,
    /// The id of the request, or null where it could not be read.
    pub id: Option<RequestId>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome<R>,
}

/// What came of a request.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome<R> {
    /// It was done.
    Result(R),
    /// It was refused or failed.
    Error(RpcError),
}

/// A JSON-RPC error; `data` carries the stable code and the hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RpcError {
    /// The number JSON-RPC gives to this kind of error.
    pub code: i32,
    /// What went wrong, as a sentence without capital and full stop.
    pub message: String,
    /// What a program and a person need beyond the message.
    pub data: ErrorData,
}

impl<'a, P> Call<'a, P> {
    /// Makes a notification, which nobody answers.
    pub fn notification(method: &'a str, params: P) -> Self {
        Self {
            jsonrpc: JSONRPC,
            id: None,
            method,
            params,
        }
    }

    /// Makes a request, which is answered under `id`.
    pub fn request(id: i64, method: &'a str, params: P) -> Self {
        Self {
            jsonrpc: JSONRPC,
            id: Some(RequestId::Number(id)),
            method,
            params,
        }
    }
}

impl<R> Response<R> {
    /// Answers the request `id` with `result`.
    pub fn result(id: RequestId, result: R) -> Self {
        Self {
            jsonrpc: JSONRPC,
            id: Some(id),
            outcome: Outcome::Result(result),
        }
    }

    /// Answers the request `id`, or an unreadable one, with `error`.
    #[must_use]
    pub fn error(id: Option<RequestId>, error: RpcError) -> Self {
        Self {
            jsonrpc: JSONRPC,
            id,
            outcome: Outcome::Error(error),
        }
    }
}
