//! The floor: one HTTP/1.1 connection of hyper, bodies collected, `serde_json` for the few fields needed. No
//! errors of vendors, no deadlines, no TLS, no second connection.

use std::{borrow::Cow, fmt, marker::PhantomData};

use harness::{
    Dialect, FIELD_DESCRIPTION, FIELDS, Failure, Form, KEY, MAX_TOKENS, Peer, SYSTEM, TOOL_DESCRIPTION, USER,
};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use tokio::net::TcpStream;

struct Floor {
    dialect: Dialect,
    host: String,
    tools: Vec<String>,
    connection: SendRequest<Full<Bytes>>,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    messages: &'a [Message<'a>],
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Tool<'a> {
    Chat { r#type: &'a str, function: Function<'a> },
    Anthropic(Function<'a>),
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Schema<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_schema: Option<Schema<'a>>,
}

#[derive(Serialize)]
struct Schema<'a> {
    r#type: &'a str,
    #[serde(serialize_with = "fields")]
    properties: [&'a str; 8],
    required: [&'a str; 1],
}

#[derive(Serialize)]
struct Field<'a> {
    r#type: &'a str,
    description: &'a str,
}

impl<'a> Tool<'a> {
    fn new(dialect: Dialect, name: &'a str) -> Self {
        let schema = Some(Schema { r#type: "object", properties: FIELDS, required: [FIELDS[0]] });
        let function = Function { name, description: TOOL_DESCRIPTION, parameters: None, input_schema: None };
        match dialect {
            Dialect::Chat => {
                Self::Chat { r#type: "function", function: Function { parameters: schema, ..function } }
            }
            Dialect::Anthropic => Self::Anthropic(Function { input_schema: schema, ..function }),
        }
    }
}

fn fields<S: Serializer>(names: &[&str; 8], serializer: S) -> Result<S::Ok, S::Error> {
    let field = |name| (name, Field { r#type: "string", description: FIELD_DESCRIPTION });
    serializer.collect_map(names.iter().map(field))
}

/// Both dialects, whole and streamed: what is not there is `None`.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default, deserialize_with = "first")]
    choices: Option<Choice<'a>>,
    #[serde(borrow, default, deserialize_with = "first")]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    delta: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, alias = "message")]
    delta: Text<'a>,
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow, alias = "content")]
    text: Option<Cow<'a, str>>,
}

impl Reply<'_> {
    fn add_to(&self, text: &mut String) {
        let deltas = self.choices.iter().map(|choice| &choice.delta);
        for part in deltas.chain(&self.content).chain(&self.delta) {
            text.push_str(part.text.as_deref().unwrap_or_default());
        }
    }
}

/// The first element of an array, without a vector.
fn first<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct First<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for First<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Option<T>, A::Error> {
            let first = elements.next_element()?;
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            Ok(first)
        }
    }

    deserializer.deserialize_seq(First(PhantomData))
}

impl Floor {
    async fn post(&mut self, stream: bool) -> Result<Bytes, Failure> {
        let user = Message { role: "user", content: USER };
        let system = Message { role: "system", content: SYSTEM };
        let (path, credential, key, system, messages) = match self.dialect {
            Dialect::Chat => ("/v1/chat/completions", "authorization", "Bearer ", None, &[system, user][..]),
            Dialect::Anthropic => ("/v1/messages", "x-api-key", "", Some(SYSTEM), &[user][..]),
        };
        let model = self.dialect.model();
        let tools = self.tools.iter().map(|name| Tool::new(self.dialect, name)).collect();
        let body =
            serde_json::to_vec(&Body { model, system, messages, max_tokens: MAX_TOKENS, stream, tools })?;
        let request = Request::post(path)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header(credential, format!("{key}{KEY}"))
            .body(Full::from(body))?;
        self.connection.ready().await?;
        let reply = self.connection.send_request(request).await?;
        if reply.status() != StatusCode::OK {
            return Err(reply.status().as_str().into());
        }
        Ok(reply.into_body().collect().await?.to_bytes())
    }
}

impl Peer for Floor {
    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure> {
        let host = url.strip_prefix("http://").ok_or("no TLS here")?.to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        Ok(Self { dialect, host, tools: form.tool_names().collect(), connection })
    }

    async fn unary(&mut self) -> Result<String, Failure> {
        let body = self.post(false).await?;
        let mut text = String::new();
        serde_json::from_slice::<Reply<'_>>(&body)?.add_to(&mut text);
        Ok(text)
    }

    async fn stream(&mut self) -> Result<String, Failure> {
        let body = self.post(true).await?;
        let mut text = String::new();
        for data in std::str::from_utf8(&body)?.lines().filter_map(|line| line.strip_prefix("data: ")) {
            if data != "[DONE]" {
                serde_json::from_str::<Reply<'_>>(data)?.add_to(&mut text);
            }
        }
        Ok(text)
    }
}

fn main() -> Result<(), Failure> {
    harness::run::<Floor>()
}
