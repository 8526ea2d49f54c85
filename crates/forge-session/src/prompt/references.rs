//! References within their share of a prompt.

use forge_core::{Capabilities, tokens_of};

use super::{
    BYTES_PER_TOKEN,
    clean::{clean, one_line, shorten},
};
use crate::Plan;

/// Tokens for references where no window is known.
const USUAL: u32 = 20_000;
/// Tokens for references at most, unless the plan says otherwise: every call pays for them.
const MOST: u32 = 50_000;
/// References may take this part of the smallest window in the cast.
const SHARE: u64 = 4;

/// A reference as far as it fits.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) text: String,
    /// Characters that are left out, and that there were.
    cut: (usize, usize),
    /// Tokens that fit, and that there were.
    tokens: (u64, u64),
}

impl Fitted {
    /// What is left out; `None` if nothing is.
    pub(crate) fn notice(&self) -> Option<String> {
        let ((cut, of), (fit, tokens)) = (self.cut, self.tokens);
        (cut > 0).then(|| {
            format!(
                "{cut} of {of} characters of this reference are left out: about {fit} of its {tokens} tokens fit"
            )
        })
    }
}

/// Tokens for the references of a prompt, by the smallest window of those who will read them.
pub(crate) fn tokens_within(windows: impl Iterator<Item = Capabilities>) -> u32 {
    let smallest = windows.filter_map(|able| able.context_tokens).min();
    smallest.map_or(USUAL, |window| u32::try_from(window / SHARE).unwrap_or(MOST).min(MOST))
}

/// The references of the plan, each with a fair share: what the small ones leave goes to the large ones.
pub(crate) fn fitted(plan: &Plan) -> Vec<Fitted> {
    let texts: Vec<String> = plan.topic.references.iter().map(|one| clean(&one.text)).collect();
    let tokens = plan.settings.reference_tokens.unwrap_or(USUAL);
    let most = usize::try_from(u64::from(tokens) * BYTES_PER_TOKEN).unwrap_or(usize::MAX);
    let sizes: Vec<usize> = texts.iter().map(String::len).collect();
    let shares = shares(&sizes, most);
    let all = plan.topic.references.iter().zip(&texts).zip(shares);
    all.map(|((reference, whole), share)| {
        let (text, cut) = shorten(whole, share);
        Fitted {
            kind: reference.kind.as_str(),
            name: one_line(&reference.name),
            cut: (cut, whole.chars().count()),
            tokens: (tokens_of(text.len() as u64), tokens_of(whole.len() as u64)),
            text: text.to_owned(),
        }
    })
    .collect()
}

/// How much of `most` each gets: an even part of what is left, smallest first.
fn shares(sizes: &[usize], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|at| sizes[*at]);
    let mut shares = vec![0; sizes.len()];
    let mut left = most;
    for (done, at) in order.iter().enumerate() {
        shares[*at] = sizes[*at].min(left / (sizes.len() - done));
        left -= shares[*at];
    }
    shares
}

/// What the user has to know before anything is sent.
pub(crate) fn warnings(plan: &Plan) -> Vec<String> {
    let cut = |one: &Fitted| {
        let notice = one.notice()?;
        Some(format!("reference {}: {}", one.name, notice.replace("of this reference ", "")))
    };
    fitted(plan).iter().filter_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_references_stay_whole_and_large_ones_share_the_rest() {
        assert_eq!(shares(&[169_000, 13], 80_000), [79_987, 13]);
        assert_eq!(shares(&[50, 100, 100], 210), [50, 80, 80]);
        assert_eq!(shares(&[10, 20], 100), [10, 20]);
        assert_eq!(shares(&[], 100), [0; 0]);
    }

    #[test]
    fn the_smallest_window_decides_how_much_fits() {
        let window = |tokens| Capabilities { context_tokens: Some(tokens), ..Capabilities::default() };
        assert_eq!(tokens_within([window(200_000), window(8_192)].into_iter()), 2_048);
        assert_eq!(tokens_within([window(1_000_000)].into_iter()), MOST);
        assert_eq!(tokens_within([Capabilities::default()].into_iter()), USUAL);
    }
}
