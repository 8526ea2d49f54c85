//! What a client says in the address: the model, and what it wants of it.

use forge_core::request::InvalidBody;
use forge_http::ingress::unescaped;
use http::Uri;

/// What stands in an address such as `/v1beta/models/role:coder:generateContent`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Whole,
    Stream(Framing),
    Count,
}

/// How the frames of a stream are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// As server-sent events.
    Events,
    /// As the items of one list.
    List,
}

impl Asked {
    pub(super) fn of(uri: &Uri) -> Result<Self, InvalidBody> {
        let path = unescaped(uri.path().trim_end_matches('/'));
        let wrong = || InvalidBody::new("the address has to end like `/models/NAME:generateContent`");
        let (_, rest) = path.split_once("/models/").ok_or_else(wrong)?;
        // Names of roles and pools have a colon of their own.
        let (model, verb) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let model = model.strip_prefix("models/").unwrap_or(model);
        let verb = match verb {
            "generateContent" => Verb::Whole,
            "streamGenerateContent" => Verb::Stream(framing(uri.query().unwrap_or_default())),
            "countTokens" => Verb::Count,
            _ => return Err(wrong()),
        };
        if model.is_empty() { Err(wrong()) } else { Ok(Self { model: model.to_owned(), verb }) }
    }
}

fn framing(query: &str) -> Framing {
    if query.split('&').any(|pair| pair == "alt=sse") { Framing::Events } else { Framing::List }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verb_stands_after_the_last_colon() {
        let stream = Verb::Stream;
        for (uri, expected) in [
            ("/v1beta/models/gemini-4-argon:generateContent", Some(("gemini-4-argon", Verb::Whole))),
            ("/v1/models/role:coder:countTokens", Some(("role:coder", Verb::Count))),
            ("/v1beta/models/models/a/b:generateContent/", Some(("a/b", Verb::Whole))),
            ("/v1beta/models/pool%3Afast:streamGenerateContent", Some(("pool:fast", stream(Framing::List)))),
            ("/v1beta/models/m:streamGenerateContent?alt=sse", Some(("m", stream(Framing::Events)))),
            ("/v1beta/models/m:streamGenerateContent?key=k&alt=sse", Some(("m", stream(Framing::Events)))),
            ("/v1beta/models/m:streamGenerateContent?alt=json", Some(("m", stream(Framing::List)))),
            ("/v1beta/models/m:embedContent", None),
            ("/v1beta/models/:generateContent", None),
            ("/v1beta/models/m", None),
            ("/v1beta/m:generateContent", None),
        ] {
            let expected = expected.map(|(model, verb)| Asked { model: model.into(), verb });
            assert_eq!(Asked::of(&uri.parse().unwrap()).ok(), expected, "{uri}");
        }
    }
}
