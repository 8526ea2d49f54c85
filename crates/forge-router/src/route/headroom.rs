//! What an attempt may take at most, and the longest answer for which budgets have room.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use forge_core::{
    Capabilities, Money, ProviderError, ResponseStream, StreamEvent, TokenCount,
    event::Warning,
    model::Price,
    request::RequestSize,
    storage::budget::{Amount, BudgetCap, BudgetError, BudgetStore},
};
use futures_core::Stream;

/// The output that a call may have when neither the request nor the model's limit is known.
const LARGEST_OUTPUT: u64 = 131_072;

/// What an attempt may take at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Tokens of both directions.
    pub(crate) tokens: u64,
    /// `None` if the price is unknown.
    pub(crate) money: Option<Money>,
}

impl Bound {
    /// The bound for an answer of at most `max_tokens`; without that, of what the model can write.
    pub(crate) fn of(
        max_tokens: Option<u32>,
        size: RequestSize,
        able: Capabilities,
        price: Option<&Price>,
    ) -> Self {
        // No model reads more than its window, whatever the bound of the text says.
        let input = size.most_input().min(able.context_tokens.unwrap_or(u64::MAX));
        let output = max_tokens.map_or_else(
            || able.max_output_tokens.unwrap_or(LARGEST_OUTPUT),
            |most| u64::from(most).min(able.max_output_tokens.unwrap_or(u64::MAX)),
        );
        let money = price.and_then(|price| dearest(price, input, output));
        Self { tokens: input.saturating_add(output), money }
    }
}

/// The most that these tokens cost, whatever the class of the input.
fn dearest(price: &Price, input: u64, output: u64) -> Option<Money> {
    let output = TokenCount::default().with_output(output);
    // How much of the input the vendor will cache is not known yet: all of it counts as its dearest class.
    let plain = price.cost(&output.with_input(input))?;
    let zero = Some(0);
    let written = price.cost(&output.with_input(zero).with_cache_write_5m(input));
    let kept = price.cost(&output.with_input(zero).with_cache_write_1h(input));
    [Some(plain), written, kept].into_iter().flatten().max()
}

/// A call for a shorter answer is not worth making.
const SHORTEST: u32 = 4_096;

/// What an answer may take whose length is not set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headroom<'a> {
    pub(crate) size: RequestSize,
    pub(crate) able: Capabilities,
    pub(crate) price: Option<&'a Price>,
}

impl Headroom<'_> {
    /// The most that an answer of at most `max_tokens` takes; money of unknown price is left out.
    pub(crate) fn worst(self, max_tokens: Option<u32>) -> Amount {
        let bound = Bound::of(max_tokens, self.size, self.able, self.price);
        Amount { money: bound.money.unwrap_or_default(), tokens: bound.tokens }
    }

    /// The most output tokens for which every budget of `caps` has room now; `None` if even a short answer is too
    /// much.
    pub(crate) async fn longest(
        self,
        store: &dyn BudgetStore,
        caps: &[BudgetCap],
    ) -> Result<Option<u32>, BudgetError> {
        // Read once, for one moment. The reservation that follows has the last word.
        let mut spent = Vec::with_capacity(caps.len());
        for cap in caps {
            spent.push(store.spent(&cap.key).await?);
        }
        let fits = |output: u32| {
            let amount = self.worst(Some(output));
            caps.iter().zip(&spent).all(|(cap, spent)| cap.has_room(*spent, amount))
        };
        let most = self.able.max_output_tokens.and_then(|most| u32::try_from(most).ok()).unwrap_or(u32::MAX);
        if most < SHORTEST || !fits(SHORTEST) {
            return Ok(None);
        }
        // What an answer costs never falls as it grows.
        // It is asked for where the longest answer had no room, so that `most` itself need not be tried.
        let (mut fitting, mut beyond) = (SHORTEST, most);
        while beyond - fitting > 1 {
            let middle = fitting + (beyond - fitting) / 2;
            if fits(middle) { fitting = middle } else { beyond = middle }
        }
        Ok(Some(fitting))
    }
}

/// A reply whose caller is warned after its first event.
pub(crate) struct Warned {
    inner: ResponseStream,
    warning: Option<Warning>,
    started: bool,
}

impl Warned {
    /// The reply with the warning, or the reply itself where there is none.
    pub(crate) fn stream(inner: ResponseStream, warning: Option<Warning>) -> ResponseStream {
        match warning {
            None => inner,
            Some(warning) => ResponseStream::new(Self { inner, warning: Some(warning), started: false }),
        }
    }
}

impl Stream for Warned {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // `Started` is the first event of every reply, and callers rely on it.
        if self.started
            && let Some(warning) = self.warning.take()
        {
            return Poll::Ready(Some(Ok(warning.into())));
        }
        let item = ready!(Pin::new(&mut self.inner).poll_next(cx));
        self.started = true;
        Poll::Ready(item)
    }
}
