//! References within their share of a prompt.

use forge_core::{Capabilities, request::tokens_of};
use forge_prompt::{clean, one_line, shorten};

use super::BYTES_PER_TOKEN;
use crate::plan::Plan;

/// Tokens for references where neither a window nor a cap is known.
const USUAL: u32 = 20_000;
/// References may take this part of the smallest window in the cast.
const WINDOW_SHARE: u64 = 4;
/// And this part of the session's tokens: every call of a cycle sets them aside, each byte as a token.
const CAP_SHARE: u64 = 25;

/// A reference as far as it fits.
#[derive(Debug)]
pub(crate) struct FittedReference {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) text: String,
    /// Characters that are left out, and that there were.
    cut: (usize, usize),
    /// Tokens that fit, and that there were.
    tokens: (u64, u64),
}

impl FittedReference {
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

/// Tokens for the references of a prompt, by the smallest window of those who will read them and by what the session
/// may use.
pub(crate) fn tokens_within(windows: impl Iterator<Item = Capabilities>, cap: Option<u64>) -> u32 {
    let window = windows.filter_map(|capabilities| capabilities.context_tokens).min();
    let shares = [window.map(|window| window / WINDOW_SHARE), cap.map(|cap| cap / CAP_SHARE)];
    // The smaller of both: a prompt has to fit into the window, and a cycle into the caps.
    let least = shares.into_iter().flatten().min();
    least.map_or(USUAL, |tokens| u32::try_from(tokens).unwrap_or(u32::MAX))
}

/// The references of the plan, each with a fair share: what the small ones leave goes to the large ones.
pub(crate) fn fitted(plan: &Plan) -> Vec<FittedReference> {
    let texts: Vec<_> = plan.topic.references.iter().map(|one| clean(&one.text)).collect();
    let tokens = plan.settings.reference_tokens.unwrap_or(USUAL);
    let most = usize::try_from(u64::from(tokens) * BYTES_PER_TOKEN).unwrap_or(usize::MAX);
    let sizes: Vec<usize> = texts.iter().map(|text| text.len()).collect();
    let shares = shares(&sizes, most);
    let all = plan.topic.references.iter().zip(&texts).zip(shares);
    all.map(|((reference, whole), share)| {
        let (text, cut) = shorten(whole, share);
        FittedReference {
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
    // The smallest first, so that what they leave is known before the large ones share it.
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
    let cut = |one: &FittedReference| {
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
        let window = |tokens| {
            let mut capabilities = Capabilities::default();
            capabilities.context_tokens = Some(tokens);
            capabilities
        };
        let none = Capabilities::default;
        assert_eq!(tokens_within([window(200_000), window(8_192), none()].into_iter(), Some(500_000)), 2_048);
        assert_eq!(tokens_within([window(1_000_000)].into_iter(), Some(500_000)), 20_000);
        assert_eq!(tokens_within([window(1_000_000)].into_iter(), None), 250_000);
        assert_eq!(tokens_within([none()].into_iter(), None), USUAL);
    }
}
