//! What is served at an address.

use forge::ingress::{CHAT, EMBEDDINGS, GEMINI, MESSAGES, RESPONSES, stored};
use forge_http::ingress::{Ingress, Refusal, unescaped};
use http::{Method, StatusCode};

use crate::{
    answer::refused,
    attending::Attended,
    reply::{self, Reply},
    stored::Wish,
};

/// What a client asks the server for.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// A reply of a model.
    Reply(Ingress),
    /// How many tokens a prompt has.
    Count(Ingress),
    /// Something of the response of this id.
    Stored(String, Wish),
    /// The models, or the one of this id.
    Models(Option<String>),
    /// Whether anybody is there.
    Alive,
    /// What happens at the server.
    Events,
    /// The sessions that run.
    Sessions(Attended),
    /// A connection for events both ways.
    Socket,
    /// Something that is served to another method, in this dialect.
    OtherMethod(Option<Ingress>),
    /// Nothing, at an address of this dialect's.
    Nothing(Option<Ingress>),
}

/// What happens at the server.
pub(crate) const EVENTS: &str = "/v1/forge/events";

/// Below these are single models.
const LISTS: [&str; 3] = ["/v1/models/", "/v1beta/models/", "/models/"];
/// Below these are single responses.
const RESPONSE_LISTS: [&str; 2] = ["/v1/responses/", "/responses/"];

impl Wanted {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        // A query says nothing about what is wanted, and some clients double the slash behind a base URL.
        let path = path.trim_end_matches('/');
        match Attended::of(method, path) {
            Some((wanted, true)) => return Self::Sessions(wanted),
            Some((_, false)) => return Self::OtherMethod(None),
            None => {}
        }
        let wanted = match path {
            "" | "/livez" => Self::Alive,
            "/v1/messages" => Self::Reply(MESSAGES),
            "/v1/messages/count_tokens" => Self::Count(MESSAGES),
            "/v1/chat/completions" | "/chat/completions" => Self::Reply(CHAT),
            "/v1/embeddings" | "/embeddings" => Self::Reply(EMBEDDINGS),
            // A client that asks for a socket goes on over HTTP once it is told that there is none.
            "/v1/responses" if *method == Method::GET => return Self::Socket,
            "/v1/responses" | "/responses" => Self::Reply(RESPONSES),
            EVENTS => Self::Events,
            "/v1/responses/input_tokens" => Self::Count(RESPONSES),
            "/v1/models" | "/v1beta/models" | "/models" => Self::Models(None),
            _ => match (below(&LISTS, path), below(&RESPONSE_LISTS, path)) {
                (Some(rest), _) => Self::of_model(method, rest),
                (_, Some(rest)) => return Self::of_response(method, rest),
                _ => return Self::Nothing(path.starts_with("/v1beta/").then_some(GEMINI)),
            },
        };
        let fits = match wanted {
            Self::Reply(_) | Self::Count(_) => *method == Method::POST,
            _ => is_read(method),
        };
        match wanted {
            Self::Reply(ingress) | Self::Count(ingress) if !fits => Self::OtherMethod(Some(ingress)),
            Self::Nothing(_) => wanted,
            _ if !fits => Self::OtherMethod(None),
            _ => wanted,
        }
    }

    /// Of one model. Gemini's clients say behind its name what they want of it; names have colons of their own.
    fn of_model(method: &Method, rest: &str) -> Self {
        let rest = unescaped(rest);
        match rest.rsplit_once(':') {
            Some((_, "generateContent" | "streamGenerateContent")) => Self::Reply(GEMINI),
            Some((_, "countTokens")) => Self::Count(GEMINI),
            _ if *method == Method::POST => Self::Nothing(Some(GEMINI)),
            _ => Self::Models(Some(rest.into_owned())),
        }
    }

    /// Of one response, whose id says that it is one.
    fn of_response(method: &Method, rest: &str) -> Self {
        let (id, what) = rest.split_once('/').unwrap_or((rest, ""));
        let id = unescaped(id).into_owned();
        let (wish, fits) = match what {
            "" if *method == Method::DELETE => (Wish::Delete, true),
            "" => (Wish::Get, is_read(method)),
            "input_items" => (Wish::InputItems, is_read(method)),
            "cancel" => (Wish::Cancel, *method == Method::POST),
            _ => return Self::Nothing(Some(RESPONSES)),
        };
        match (id.starts_with(stored::PREFIX), fits) {
            (true, true) => Self::Stored(id, wish),
            (true, false) => Self::OtherMethod(Some(RESPONSES)),
            (false, _) => Self::Nothing(Some(RESPONSES)),
        }
    }

    /// The refusal of a client that brings no key that is known.
    pub(crate) fn no_key(&self) -> Reply {
        match self {
            Self::Reply(ingress)
            | Self::Count(ingress)
            | Self::OtherMethod(Some(ingress))
            | Self::Nothing(Some(ingress)) => refused(ingress, &Refusal::Key),
            Self::Stored(..) => refused(&RESPONSES, &Refusal::Key),
            _ => reply::refusal(
                StatusCode::UNAUTHORIZED,
                "bring a key of this server: `forge keys create` makes one",
            ),
        }
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// What of a path stands below one of these.
fn below<'p>(lists: &[&str], path: &'p str) -> Option<&'p str> {
    lists.iter().find_map(|list| path.strip_prefix(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_model_is_for_geminis_clients_where_it_ends_with_a_verb() {
        let of = |ingress: Option<Ingress>| ingress.map_or("none".into(), |one| one.dialect.to_string());
        let wanted = |method: Method, path: &str| match Wanted::of(&method, path) {
            Wanted::Reply(ingress) => format!("reply {}", ingress.dialect.as_str()),
            Wanted::Count(ingress) => format!("count {}", ingress.dialect.as_str()),
            Wanted::Models(id) => format!("models {}", id.unwrap_or_default()),
            Wanted::Stored(id, wish) => format!("{wish:?} {id}"),
            Wanted::OtherMethod(ingress) => format!("other method {}", of(ingress)),
            Wanted::Nothing(ingress) => format!("nothing {}", of(ingress)),
            other => format!("{other:?}"),
        };
        for (method, path, expected) in [
            (Method::POST, "/v1beta/models/m:generateContent", "reply gemini"),
            (Method::POST, "/v1/models/role:coder:streamGenerateContent", "reply gemini"),
            (Method::POST, "/v1beta/models/models/a/b%3AgenerateContent/", "reply gemini"),
            (Method::POST, "/v1beta/models/m:countTokens", "count gemini"),
            (Method::GET, "/v1beta/models/m:generateContent", "other method gemini"),
            (Method::POST, "/v1beta/models/m:embedContent", "nothing gemini"),
            (Method::GET, "/v1beta/models", "models "),
            (Method::GET, "/v1beta/models/role%3Acoder", "models role:coder"),
            (Method::GET, "/v1/models/pool:fast", "models pool:fast"),
            (Method::POST, "/v1beta/m:generateContent", "nothing gemini"),
            (Method::GET, "/v1/messages", "other method messages"),
            (Method::POST, "/v1/models", "other method none"),
            (Method::POST, "/v1/embeddings", "reply embeddings"),
            (Method::GET, "/v1/embeddings", "other method embeddings"),
            (Method::POST, "/v1/images/generations", "nothing none"),
            (Method::GET, "/v1/forge/sessions/", "Sessions(List)"),
            (Method::GET, "/v1/forge/sessions/s%2D1", "Sessions(Show(\"s-1\"))"),
            (Method::POST, "/v1/forge/sessions/s-1/commands", "Sessions(Command(\"s-1\"))"),
            (Method::GET, "/v1/forge/sessions/s-1/commands", "other method none"),
            (Method::DELETE, "/v1/forge/sessions/s-1", "other method none"),
            (Method::GET, "/v1/forge/sessions/s-1/else", "nothing none"),
            (Method::GET, "/v1/forge/sessionsfor", "nothing none"),
            (Method::GET, "/v1/responses/resp_1/", "Get resp_1"),
            (Method::HEAD, "/responses/resp%5F1", "Get resp_1"),
            (Method::DELETE, "/v1/responses/resp_1", "Delete resp_1"),
            (Method::POST, "/v1/responses/resp_1/cancel", "Cancel resp_1"),
            (Method::GET, "/v1/responses/resp_1/input_items", "InputItems resp_1"),
            (Method::DELETE, "/v1/responses/resp_1/input_items", "other method responses"),
            (Method::PUT, "/v1/responses/resp_1", "other method responses"),
            (Method::GET, "/v1/responses/resp_1/cancel", "other method responses"),
            (Method::GET, "/v1/responses/resp_1/else", "nothing responses"),
            (Method::GET, "/v1/responses/msg_1", "nothing responses"),
            (Method::POST, "/v1/responses/compact", "nothing responses"),
        ] {
            assert_eq!(wanted(method.clone(), path), expected, "{method} {path}");
        }
    }
}
