//! The contract that every provider keeps, for each server and for Ollama's own API.

use std::sync::Arc;

use forge_core::{
    Message, ModelProvider, ModelRequest,
    request::{MessageRole, Part, Source, ToolChoice},
};
use forge_local::{LocalProvider, ServerKind};
use forge_sim::Vendor;
use forge_testkit::Subject;

const NO_STATE: (&str, &str) = ("opaque parts", "local servers hand out no state");
const NO_CLASSES: (&str, &str) = ("token classes", "the server gives totals only");
const NO_QUOTA: (&str, &str) = ("quota_exhausted", "nothing is paid for");
const NO_REQUEST_ID: (&str, &str) = ("request id", "the server sends none");
const ANY_MODEL: (&str, &str) = ("unknown model", "the server answers for every name");
const NO_COUNT: (&str, &str) = ("token count", "the server does not offer it");

fn a_document() -> ModelRequest {
    let source = Source::Base64 { media_type: "application/pdf".into(), data: "AAAA".into() };
    let parts = vec![Part::document(source)];
    ModelRequest::new("").with_message(Message::new(MessageRole::User, parts))
}

fn a_forced_call() -> ModelRequest {
    ModelRequest::new("").with_user_message("Hi").with_tool_choice(ToolChoice::Required)
}

const OLLAMA: Subject = Subject {
    vendor: &Vendor::Ollama,
    provider: || ModelProvider::Local,
    model: "qwen3:latest",
    open: |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?.with_kind(ServerKind::Ollama))),
    unsupported: a_forced_call,
    exempt: &[
        NO_STATE,
        NO_CLASSES,
        NO_QUOTA,
        NO_REQUEST_ID,
        NO_COUNT,
        ("wrong key", "the server knows no keys"),
    ],
};

const NATIVE: Subject = Subject {
    open: |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?.with_native())),
    unsupported: a_document,
    exempt: &[
        NO_STATE,
        NO_CLASSES,
        NO_QUOTA,
        NO_REQUEST_ID,
        NO_COUNT,
        ("wrong key", "the server knows no keys"),
        ("code", "errors are a text"),
    ],
    ..OLLAMA
};

const LLAMA_CPP: Subject = Subject {
    vendor: &Vendor::LlamaCpp,
    model: "qwen3",
    open: |settings| Ok(Arc::new(LocalProvider::from_settings(settings)?)),
    unsupported: a_document,
    exempt: &[NO_STATE, NO_CLASSES, NO_QUOTA, NO_REQUEST_ID, NO_COUNT, ANY_MODEL],
    ..OLLAMA
};

const VLLM: Subject = Subject {
    vendor: &Vendor::Vllm,
    exempt: &[NO_STATE, NO_CLASSES, NO_QUOTA, NO_REQUEST_ID, NO_COUNT],
    ..LLAMA_CPP
};

const LM_STUDIO: Subject = Subject { vendor: &Vendor::LmStudio, ..LLAMA_CPP };

mod ollama {
    forge_testkit::contract!(super::OLLAMA);
}

mod native {
    forge_testkit::contract!(super::NATIVE);
}

mod llama_cpp {
    forge_testkit::contract!(super::LLAMA_CPP);
}

mod vllm {
    forge_testkit::contract!(super::VLLM);
}

mod lm_studio {
    forge_testkit::contract!(super::LM_STUDIO);
}
