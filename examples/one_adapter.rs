//! One vendor, one adapter, nothing else of Forge: stream an answer and see what it took.
//!
//! `ANTHROPIC_API_KEY=... cargo run -p forge-examples --example one_adapter`
//!
//! `ANTHROPIC_BASE_URL` points it elsewhere, for instance at `forge sim`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "an example is a program"
)]

use std::{env, error::Error, io::Write as _, sync::Arc};

use forge_anthropic::AnthropicProvider;
use forge_core::{
    CallContext, ModelRequest, Participant, Provider as _, StreamEvent, event::Delta, stream::Accumulator,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut claude = AnthropicProvider::new(env::var("ANTHROPIC_API_KEY")?);
    if let Ok(url) = env::var("ANTHROPIC_BASE_URL") {
        claude = claude.with_base_url(url);
    }

    // The context says who is asked, the request what for.
    let cx = CallContext::new(Participant::claude_sonnet());
    let request = ModelRequest::new("Be brief.").with_user_message("What is a ring buffer good for?");

    // Events can be shown while they come and folded into the whole answer at the same time.
    let mut events = claude.stream(&cx, Arc::new(request)).await?;
    let mut answer = Accumulator::new(&cx);
    while let Some(event) = events.next().await {
        let event = event?;
        if let StreamEvent::PartDelta { delta: Delta::Text(text), .. } = &event {
            print!("{text}");
            std::io::stdout().flush()?;
        }
        answer.push(event)?;
    }
    let answer = answer.finish()?;

    println!();
    let day = answer.timestamp.date_naive();
    let cost =
        forge_anthropic::models().cost(&answer.participant.provider, &answer.model, day, &answer.tokens);
    eprintln!(
        "{} in, {} out, {}, first words after {:?}",
        answer.tokens.total_input().map_or("?".into(), |tokens| tokens.to_string()),
        answer.tokens.total_output().map_or("?".into(), |tokens| tokens.to_string()),
        cost.map_or("price unknown".into(), |cost| cost.to_string()),
        answer.first_token.unwrap_or_default(),
    );
    Ok(())
}
