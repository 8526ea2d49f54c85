//! Conversations that are kept.

use forge::{
    Asked, CallContext, ContextChange, Conversation, ConversationError, ModelResponse, Money, Participant,
    System,
    request::Part,
    router::RouterPlan,
    storage::journal::{JournalError, StreamName},
};

async fn keep(conversation: &mut Conversation, question: &str) -> Result<(), ConversationError> {
    let cx = CallContext::new(Participant::claude_sonnet());
    let response = ModelResponse::new(Participant::claude_sonnet(), vec![Part::text("yes")]);
    conversation.keep(question, &cx, &response, Some(Money::from_nanos(5))).await
}

#[tokio::test]
async fn two_who_go_on_with_the_same_are_told_apart_and_nothing_is_lost() {
    let builder = System::builder(|_| None).in_memory();
    let system = builder.plan(RouterPlan::default(), "test").open().await.unwrap();
    let mut first = Conversation::begin(&system).unwrap();
    keep(&mut first, "One?").await.unwrap();
    let mut second = Conversation::open(&system, first.name().clone()).await.unwrap();
    keep(&mut second, "Two?").await.unwrap();
    let refused = keep(&mut first, "Three?").await.unwrap_err();
    assert!(matches!(refused, ConversationError::Journal(JournalError::Conflict { .. })), "{refused:?}");
    second.clear().await.unwrap();
    keep(&mut second, "Four?").await.unwrap();
    let read = Conversation::open(&system, first.name().clone()).await.unwrap();
    let questions: Vec<_> = read.exchanges().map(|one| &*one.question).collect();
    // What was cleared has been paid all the same.
    assert_eq!((questions, read.cost()), (vec!["Four?"], Money::from_nanos(15)));
    assert_eq!(read.request("Five?").messages.len(), 3);
}

#[tokio::test]
async fn a_budget_leaves_out_the_oldest_but_what_is_pinned_and_all_of_it_is_read_again() {
    let builder = System::builder(|_| None).in_memory();
    let system = builder.plan(RouterPlan::default(), "test").open().await.unwrap();
    let mut conversation = Conversation::begin(&system).unwrap();
    let asked = Asked { provider: Some("gpt".into()), ..Asked::default() };
    conversation.turn_to(asked.clone()).await.unwrap();
    conversation.change(ContextChange::Add { name: "a.rs".into() }).await.unwrap();
    assert!(conversation.is_empty(), "without a question there is nothing to write");
    for question in ["One?", "Two?", "Three", "Four?"] {
        keep(&mut conversation, question).await.unwrap();
    }
    // Each of them is two or three tokens with its answer.
    conversation.change(ContextChange::Budget { tokens: 6 }).await.unwrap();
    assert_eq!(conversation.told(0), [4, 5]);
    conversation.change(ContextChange::Pin { number: 2 }).await.unwrap();
    assert_eq!(conversation.told(0), [2, 5]);
    assert_eq!(conversation.told(3), [2], "what stands beside counts");
    conversation.change(ContextChange::Drop { number: 1 }).await.unwrap();
    let read = Conversation::open(&system, conversation.name().clone()).await.unwrap();
    assert_eq!((read.carried(), read.told(0)), (conversation.carried(), conversation.told(0)));
    assert_eq!((read.asked(), read.budget()), (Some(&asked), Some(6)));
}

#[tokio::test]
async fn what_is_no_conversation_is_not_gone_on_with() {
    let builder = System::builder(|_| None).in_memory();
    let system = builder.plan(RouterPlan::default(), "test").open().await.unwrap();
    let name = StreamName::new("s-1").unwrap();
    let claim = forge::storage::journal::Claim::new("t", std::time::Duration::from_secs(9));
    let fence = system.journal().claim(&name, &claim).await.unwrap();
    let batch = forge::storage::journal::Batch::new(0, vec![br#"{"type":"session_started"}"#.to_vec()]);
    system.journal().append(&name, fence, batch).await.unwrap();
    let refused = Conversation::open(&system, name).await.unwrap_err();
    assert!(matches!(refused, ConversationError::Foreign(_)), "{refused:?}");
}
