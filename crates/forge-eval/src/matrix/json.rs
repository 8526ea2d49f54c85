//! Matrices as JSON: one by itself, or the `matrix` of a report of `forge eval critics`.

use serde_json::Value;

use super::{Matrix, MatrixError};

pub(super) fn matrix(file: &str, text: &str) -> Result<Matrix, MatrixError> {
    let form =
        |line: usize, what: String| MatrixError::Form { file: file.to_owned(), line: line.max(1), what };
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| form(error.line(), format!("it is no JSON: {error}")))?;
    let value = value.get_mut("matrix").map(Value::take).unwrap_or(value);
    serde_json::from_value(value).map_err(|error| {
        form(
            1,
            format!("{error}; write {{\"participants\": [NAME], \"issues\": [{{\"found_by\": [NAME]}}]}}"),
        )
    })
}
