//! What is served at an address.

use forge::ingress::{CHAT, MESSAGES, RESPONSES};
use forge_http::ingress::{Ingress, Refusal};
use http::{Method, StatusCode};

use crate::{
    answer::refused,
    reply::{self, Reply},
};

/// What a client asks the server for.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// A reply of a model.
    Reply(Ingress),
    /// How many tokens a prompt has.
    Count(Ingress),
    /// The models, or the one of this id.
    Models(Option<String>),
    /// Whether anybody is there.
    Alive,
    /// A connection for events both ways.
    Socket,
    /// Something that is served to another method.
    OtherMethod,
    Nothing,
}

impl Wanted {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        // A query says nothing about what is wanted, and some clients double the slash behind a base URL.
        let path = path.trim_end_matches('/');
        let wanted = match path {
            "" | "/livez" => Self::Alive,
            "/v1/messages" => Self::Reply(MESSAGES),
            "/v1/messages/count_tokens" => Self::Count(MESSAGES),
            "/v1/chat/completions" | "/chat/completions" => Self::Reply(CHAT),
            // A client that asks for a socket goes on over HTTP once it is told that there is none.
            "/v1/responses" if *method == Method::GET => return Self::Socket,
            "/v1/responses" | "/responses" => Self::Reply(RESPONSES),
            "/v1/responses/input_tokens" => Self::Count(RESPONSES),
            "/v1/models" | "/models" => Self::Models(None),
            _ => match path.strip_prefix("/v1/models/").or_else(|| path.strip_prefix("/models/")) {
                Some(id) => Self::Models(Some(id.to_owned())),
                None => return Self::Nothing,
            },
        };
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let fits = match wanted {
            Self::Reply(_) | Self::Count(_) => *method == Method::POST,
            _ => is_read,
        };
        if fits { wanted } else { Self::OtherMethod }
    }

    /// The refusal of a client that brings no key that is known.
    pub(crate) fn no_key(&self) -> Reply {
        match self {
            Self::Reply(ingress) | Self::Count(ingress) => refused(ingress, &Refusal::Key),
            _ => reply::refusal(
                StatusCode::UNAUTHORIZED,
                "bring a key of this server: `forge keys create` makes one",
            ),
        }
    }
}
