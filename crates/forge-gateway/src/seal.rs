//! Seals: state of a vendor as a text that a client carries, which it can neither read nor change nor use with another key.

use std::{borrow::Cow, fmt, io};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use forge_core::{
    request::{Opaque, Part},
    storage::access::{SealSecret, SealSecrets},
};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde_json::Value;

use crate::key::random;

/// What a seal begins with; its number is that of the form.
const MARK: &str = "fg1.";
/// The same in standard base64, as far as what follows does not matter.
const MARK_IN_BASE64: &str = "ZmcxL";
/// How the id of a call begins, and what stands between its own signs and the seal in it.
const CALL: &str = "call_";
const MARK_IN_ID: &str = "_fg1_";
/// Signs of an id of its own.
const OWN: usize = 12;
/// Clients were tried with ids of 3,005 characters.
const LONGEST_ID: usize = 2_048;
/// The longest seal anywhere else.
const LONGEST: usize = 256 << 10;

/// What a vendor wants back with a call, or with a thought alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// The vendor's id of the call.
    pub(crate) id: String,
    /// The thoughts that led to it, with their state.
    pub(crate) thoughts: Vec<Part>,
    /// The state of the call itself.
    pub(crate) call: Option<Opaque>,
}

impl State {
    /// Everything in it that a vendor has given.
    pub(crate) fn opaques(&self) -> impl Iterator<Item = &Opaque> {
        self.thoughts.iter().filter_map(Part::opaque).chain(&self.call)
    }
}

/// A secret for seals.
///
/// # Errors
/// The system has no random bytes to give.
pub fn seal_secret() -> io::Result<SealSecret> {
    random().map(SealSecret::new)
}

/// Makes seals with the current secret, and opens those of the one before as well.
#[derive(Default)]
pub(crate) struct Seals(Vec<LessSafeKey>);

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seals").finish_non_exhaustive()
    }
}

impl Seals {
    pub(crate) fn new(secrets: &SealSecrets) -> Self {
        let key = |secret: SealSecret| UnboundKey::new(&CHACHA20_POLY1305, secret.bytes()).ok();
        let secrets = [Some(secrets.current), secrets.previous].into_iter().flatten();
        Self(secrets.filter_map(key).map(LessSafeKey::new).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text for `owner` alone, and for the call `call` alone if it is about one; `None` if it would be too long.
    pub(crate) fn text(&self, state: &State, owner: &str, call: &str) -> Option<String> {
        let sealed = self.seal(random().ok()?, state, owner, call)?;
        Some(format!("{MARK}{}", BASE64_URL_SAFE_NO_PAD.encode(sealed))).filter(|text| text.len() <= LONGEST)
    }

    /// What a text holds that [`found`] has found.
    pub(crate) fn open_text(&self, text: &str, owner: &str, call: &str) -> Option<State> {
        let sealed = text.strip_prefix(MARK).filter(|_| text.len() <= LONGEST)?;
        self.open(sealed, owner, call)
    }

    /// An id of a call that holds the state; `None` if it would be too long.
    pub(crate) fn id(&self, state: &State, owner: &str) -> Option<String> {
        let nonce: [u8; NONCE_LEN] = random().ok()?;
        // As random as any other, and no seal has the same.
        let own = &BASE64_URL_SAFE_NO_PAD.encode(nonce)[..OWN];
        let sealed = BASE64_URL_SAFE_NO_PAD.encode(self.seal(nonce, state, owner, own)?);
        Some(format!("{CALL}{own}{MARK_IN_ID}{sealed}")).filter(|id| id.len() <= LONGEST_ID)
    }

    /// What an id holds.
    pub(crate) fn open_id(&self, id: &SealedId<'_>, owner: &str) -> Option<State> {
        let length = CALL.len() + OWN + MARK_IN_ID.len() + id.sealed.len();
        if length > LONGEST_ID { None } else { self.open(id.sealed, owner, id.own) }
    }

    fn seal(&self, nonce: [u8; NONCE_LEN], state: &State, owner: &str, call: &str) -> Option<Vec<u8>> {
        let key = self.0.first()?;
        let mut sealed = serde_json::to_vec(&(&state.id, &state.thoughts, &state.call)).ok()?;
        let about = Aad::from(about(owner, call));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about, &mut sealed).ok()?;
        sealed.splice(0..0, nonce);
        Some(sealed)
    }

    fn open(&self, sealed: &str, owner: &str, call: &str) -> Option<State> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        self.0.iter().find_map(|key| {
            let (nonce, about) = (Nonce::assume_unique_for_key(*nonce), Aad::from(about(owner, call)));
            let mut sealed = sealed.to_vec();
            let (id, thoughts, call) =
                serde_json::from_slice(key.open_in_place(nonce, about, &mut sealed).ok()?).ok()?;
            Some(State { id, thoughts, call })
        })
    }
}

/// What a seal is bound to beside its content. The id of a key has no such sign between the two.
fn about(owner: &str, call: &str) -> String {
    format!("{MARK}{owner}\0{call}")
}

/// An id of this server's in which state is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealedId<'a> {
    own: &'a str,
    sealed: &'a str,
}

impl<'a> SealedId<'a> {
    pub(crate) fn of(id: &'a str) -> Option<Self> {
        let (own, rest) = id.strip_prefix(CALL)?.split_at_checked(OWN)?;
        Some(Self { own, sealed: rest.strip_prefix(MARK_IN_ID)? })
    }

    /// The id without the seal, for vendors.
    pub(crate) fn short(&self) -> String {
        format!("{CALL}{}", self.own)
    }
}

/// The seal in state as a client sends it back: the text itself, all of it in base64, or a field of an item or a block.
pub(crate) fn found(data: &str) -> Option<Cow<'_, str>> {
    let is_seal = |text: &&str| text.starts_with(MARK);
    if is_seal(&data) {
        return Some(data.into());
    }
    if data.starts_with(MARK_IN_BASE64) {
        // One that was damaged is one all the same, and opens nothing.
        let text = BASE64_STANDARD.decode(data).ok().and_then(|text| String::from_utf8(text).ok());
        return Some(text.map_or(data.into(), Cow::from));
    }
    if !data.starts_with('{') || !data.contains(MARK) {
        return None;
    }
    let fields: Value = serde_json::from_str(data).ok()?;
    let texts = ["encrypted_content", "data"].into_iter().filter_map(|name| fields.get(name)?.as_str());
    texts.into_iter().find(is_seal).map(|text| text.to_owned().into())
}

/// A seal as Gemini's clients carry it, which take a signature for base64.
pub(crate) fn in_base64(seal: &str) -> String {
    BASE64_STANDARD.encode(seal)
}

#[cfg(test)]
mod tests {
    use forge_core::{ModelId, ModelProvider, ProviderId};
    use proptest::prelude::*;

    use super::*;

    fn seals(current: u8, previous: Option<u8>) -> Seals {
        let secret = |of: u8| SealSecret::new([of; 32]);
        let current = secret(current);
        Seals::new(
            &previous.map_or(SealSecrets::new(current), |of| SealSecrets::new(secret(of)).rotated(current)),
        )
    }

    fn opaque() -> impl Strategy<Value = Opaque> {
        let vendors =
            prop_oneof![Just(ModelProvider::OpenAI), Just(ModelProvider::Google), Just("own".into())];
        (vendors, any::<Option<bool>>(), ".{0,40}").prop_map(|(vendor, origin, data)| {
            let state = Opaque::new(vendor, ModelId::from("m"), data);
            origin.into_iter().fold(state, |state, _| state.with_origin(ProviderId::new("account")))
        })
    }

    fn state() -> impl Strategy<Value = State> {
        let thought = (".{0,20}", opaque(), any::<bool>()).prop_map(|(text, state, shown)| {
            if shown { Part::thinking(text).with_opaque(state) } else { Part::vendor(state) }
        });
        let thoughts = proptest::collection::vec(thought, 0..3);
        ("[a-z_0-9]{0,20}", thoughts, proptest::option::of(opaque())).prop_map(|(id, thoughts, call)| State {
            id,
            thoughts,
            call,
        })
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened_by_its_owner_alone(state in state(), owner in "[a-f0-9]{0,10}", call in ".{0,12}") {
            let seals = seals(1, None);
            let text = seals.text(&state, &owner, &call).unwrap();
            prop_assert_eq!(seals.open_text(&text, &owner, &call), Some(state.clone()));
            prop_assert_eq!(seals.open_text(&text, &format!("{owner}0"), &call), None);
            prop_assert_eq!(seals.open_text(&text, &owner, &format!("{call}0")), None);
            prop_assert_eq!(self::seals(2, None).open_text(&text, &owner, &call), None);
            prop_assert_eq!(self::seals(2, Some(1)).open_text(&text, &owner, &call), Some(state.clone()));
            for carried in [text.clone(), in_base64(&text), serde_json::json!({"type": "x", "data": text}).to_string()] {
                let seal = found(&carried);
                prop_assert_eq!(seal.as_deref(), Some(&*text));
            }
            let id = seals.id(&state, &owner).unwrap();
            prop_assert!(id.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"_-".contains(&sign)), "{id}");
            let sealed = SealedId::of(&id).unwrap();
            prop_assert_eq!(sealed.short().len(), CALL.len() + OWN);
            prop_assert_eq!(seals.open_id(&sealed, &owner), Some(state));
        }

        #[test]
        fn one_flipped_bit_anywhere_opens_nothing(state in state(), at in any::<prop::sample::Index>(), bit in 0..7_u32) {
            let seals = seals(1, None);
            let flipped = |text: String| {
                let mut bytes = text.into_bytes();
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
                String::from_utf8(bytes).unwrap()
            };
            let text = flipped(seals.text(&state, "ci", "c").unwrap());
            prop_assert_eq!(seals.open_text(&text, "ci", "c"), None, "{}", text);
            let id = flipped(seals.id(&state, "ci").unwrap());
            prop_assert_eq!(SealedId::of(&id).and_then(|id| seals.open_id(&id, "ci")), None, "{}", id);
        }

        #[test]
        fn nothing_that_a_client_sends_makes_it_panic(text in ".{0,80}") {
            let seals = seals(1, None);
            for text in [text.clone(), format!("{MARK}{text}"), format!("call_0123456789ab_fg1_{text}")] {
                prop_assert_eq!(seals.open_text(&text, "", ""), None);
                prop_assert_eq!(SealedId::of(&text).and_then(|id| seals.open_id(&id, "")), None);
                let _ = found(&text);
            }
        }
    }

    #[test]
    fn seals_have_a_longest_and_show_no_secret() {
        let seals = seals(1, None);
        let of = |bytes: usize| State {
            call: Some(Opaque::new(ModelProvider::Google, "m".into(), "x".repeat(bytes))),
            ..State::default()
        };
        assert!(seals.id(&of(1_300), "").is_some() && seals.id(&of(1_600), "").is_none());
        assert!(seals.text(&of(150_000), "", "").is_some() && seals.text(&of(200_000), "", "").is_none());
        assert!(Seals::default().text(&of(1), "", "").is_none());
        assert_eq!(format!("{seals:?}"), "Seals { .. }");
    }
}
