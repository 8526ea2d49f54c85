//! Answers that decline the task.
//!
//! A refusal is known by its words, at the beginning of a short text without structure: a document about
//! refusals is none.

use crate::reasoning::strip_reasoning;

/// A refusal is short; a long text that begins like one goes on to say something.
const MAX_LENGTH: usize = 600;
/// Where in an answer it refuses.
const MAX_START: usize = 120;

const REFUSALS: [&str; 62] = [
    "i can't help",
    "i can't assist",
    "i can't do that",
    "i can't comply",
    "i can't fulfill",
    "i can't provide",
    "i can't create",
    "i can't review",
    "i can't answer",
    "i can't engage",
    "i cannot help",
    "i cannot assist",
    "i cannot do that",
    "i cannot comply",
    "i cannot fulfill",
    "i cannot provide",
    "i cannot create",
    "i cannot review",
    "i cannot answer",
    "i cannot engage",
    "i'm unable to",
    "i am unable to",
    "i'm not able to",
    "i am not able to",
    "i won't be able to",
    "i won't help",
    "i will not help",
    "i must decline",
    "i have to decline",
    "i must refuse",
    "i'm sorry, but i can",
    "i'm sorry, but i'm",
    "sorry, i can't",
    "sorry, i cannot",
    "sorry, but i can",
    "i apologize, but i",
    "as an ai",
    "as a language model",
    "against my guidelines",
    "violates our policy",
    // German, French, Spanish, Portuguese.
    "ich kann dabei nicht",
    "ich kann dir dabei nicht",
    "ich kann ihnen dabei nicht",
    "ich kann diese anfrage nicht",
    "das kann ich leider nicht",
    "je ne peux pas",
    "je ne suis pas en mesure",
    "no puedo ayudar",
    "no puedo cumplir",
    "no puedo asistir",
    "não posso ajudar",
    "não posso atender",
    "não posso cumprir",
    // Russian, Mandarin, Japanese, Arabic, Hindi.
    "я не могу помочь",
    "не могу выполнить",
    "我无法",
    "我不能",
    "お手伝いできません",
    "お応えできません",
    "لا أستطيع",
    "لا يمكنني",
    "मदद नहीं कर सकता",
];

/// Whether an answer is a plain refusal: short prose that declines in one of ten languages, without any structure to
/// read. Reasoning before it does not count.
pub fn is_refusal(text: &str) -> bool {
    let text = strip_reasoning(text);
    let text = text.trim();
    let is_structure = |line: &str| line.trim_start().starts_with(['#', '{', '[', '|', '`', '<', '-', '*']);
    if text.chars().count() > MAX_LENGTH || text.contains("{\"") || text.lines().any(is_structure) {
        return false;
    }
    // A refusal comes first; an answer that only mentions one says something else before.
    let text = text.to_lowercase().replace('’', "'");
    REFUSALS.iter().filter_map(|words| text.find(words)).any(|at| text[..at].chars().count() <= MAX_START)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_refusal_is_told_from_an_answer() {
        for said in [
            "I'm sorry, but I can't help with that.",
            "I’m sorry, but I can’t assist with that request.",
            "I cannot assist.",
            "As an AI language model, I do not take part in this.",
            "<think>Is this allowed?</think>\nSorry, I cannot do that. Is there anything else?",
            "Es tut mir leid, das kann ich leider nicht tun.",
            "Lo siento, pero no puedo ayudar con eso.",
            "Désolé, je ne peux pas vous aider.",
            "Desculpe, não posso ajudar com isso.",
            "Извините, я не могу помочь с этим.",
            "抱歉，我无法协助处理这个请求。",
            "申し訳ありませんが、お手伝いできません。",
            "عذرًا، لا يمكنني المساعدة في ذلك.",
            "क्षमा करें, मैं इसमें मदद नहीं कर सकता।",
        ] {
            assert!(is_refusal(said), "{said}");
        }
        for said in [
            "",
            "No findings.",
            "The limit has no unit.",
            r#"{"findings": [{"claim": "I can't help but notice"}]}"#,
            "I cannot provide a rating for\n\n- major: the limit has no unit",
            "Severity: major\nClaim: the document says \"as a service\"",
        ] {
            assert!(!is_refusal(said), "{said}");
        }
        let long = format!("I can't help but admire it. {}", "It is a good text. ".repeat(60));
        assert!(!is_refusal(&long));
    }
}
