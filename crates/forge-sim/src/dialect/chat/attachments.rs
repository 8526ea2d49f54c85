//! Pictures and files, which both of OpenAI's calls take as URLs.

use crate::api_error::ApiError;
use crate::dialect::media::{self, Flaw};

const IMAGE_TYPES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A picture by its URL, which may hold the bytes itself.
pub(in crate::dialect) fn check_image(url: &str, param: &str) -> Result<(), ApiError> {
    // Plain HTTP as well, which the Messages API refuses.
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    let refuse = |text: String, code: &str| Err(ApiError::invalid(text).with_param(param).with_code(code));
    if !url.starts_with("data:") {
        return refuse(
            format!("Invalid '{param}'. Expected a valid URL, but got a value with an invalid format."),
            "invalid_value",
        );
    }
    let Some((media_type, data)) = media::data_url(url) else {
        return refuse(
            "Invalid base64 image_url. Expected a base64-encoded data URL with an image MIME type (e.g. \
             'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got a value without a base64 header."
                .to_owned(),
            "invalid_value",
        );
    };
    if !media_type.starts_with("image/") {
        return refuse(
            "Invalid MIME type. Only image types are supported.".to_owned(),
            "invalid_image_format",
        );
    }
    if !IMAGE_TYPES.contains(&media_type) {
        return refuse(UNSUPPORTED.to_owned(), "invalid_image_format");
    }
    match media::check(media_type, data) {
        Ok(()) => Ok(()),
        Err(Flaw::DataUrl | Flaw::NotBase64) => {
            refuse("Invalid base64 image_url.".to_owned(), "invalid_base64")
        }
        Err(Flaw::Contradicts { seen }) if IMAGE_TYPES.contains(&seen) => refuse(
            format!(
                "Invalid image data: the data URL says {media_type}, but the bytes are of the type {seen}."
            ),
            "invalid_image_format",
        ),
        Err(Flaw::Contradicts { .. }) => refuse(UNSUPPORTED.to_owned(), "invalid_image_format"),
        Err(Flaw::Unreadable) => refuse(
            "The image data you provided does not represent a valid image. Please check your input and try \
             again with one of the supported image formats: ['image/jpeg', 'image/png', 'image/gif', \
             'image/webp']."
                .to_owned(),
            "image_parse_error",
        ),
    }
}

const UNSUPPORTED: &str = "You uploaded an unsupported image. Please make sure your image has of one the \
    following formats: ['png', 'jpeg', 'gif', 'webp'].";

/// A file as a data URL; a bare base64 text has no media type and is refused.
pub(in crate::dialect) fn check_file(file_data: &str, param: &str) -> Result<(), ApiError> {
    let refuse = |got: &str| {
        Err(ApiError::invalid(format!(
            "Invalid file data: '{param}'. Expected a base64-encoded data URL with an application/pdf MIME \
             type (e.g. 'data:application/pdf;base64,aW1nIGJ5dGVzIGhlcmU='), but got {got}."
        ))
        .with_param(param)
        .with_code("invalid_value"))
    };
    let Some((media_type, data)) = media::data_url(file_data) else {
        return refuse("a value without the 'data:' prefix");
    };
    match media::check(media_type, data) {
        Ok(()) => Ok(()),
        Err(Flaw::DataUrl | Flaw::NotBase64) => refuse("a value that is not valid base64"),
        Err(Flaw::Contradicts { seen }) => refuse(&format!("bytes of the type {seen}")),
        Err(Flaw::Unreadable) => refuse("bytes that are no such file"),
    }
}
