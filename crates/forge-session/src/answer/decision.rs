//! What synthesizers call a decision.

use forge_prompt::normalize;

use super::{DispositionKind, FindingId, finding_id};

/// A decision is a word or two.
const MAX_LENGTH: usize = 80;

/// The words for each decision in ten languages, also as they are inflected.
const WORDS: [(DispositionKind, &str); 4] = [
    (
        DispositionKind::Accept,
        "accept, accepted, fix, fixed, adopt, adopted, apply, applied, agree, agreed, \
         接受, 采纳, 同意, स्वीकार, स्वीकृत, aceptar, aceptado, aceptada, acepto, accepter, accepté, acceptée, \
         قبول, مقبول, مقبولة, aceitar, aceito, aceita, aceite, принять, принято, принят, принята, \
         akzeptieren, akzeptiert, annehmen, angenommen, übernommen, 採用, 承認, 受け入れる",
    ),
    (
        DispositionKind::Reject,
        "reject, rejected, decline, declined, wontfix, disagree, dismiss, dismissed, \
         拒绝, 驳回, अस्वीकार, अस्वीकृत, rechazar, rechazado, rechazada, rechazo, rejeter, rejeté, rejetée, refusé, \
         refusée, رفض, مرفوض, مرفوضة, rejeitar, rejeitado, rejeitada, отклонить, отклонено, отклонён, отклонен, \
         отклонена, ablehnen, abgelehnt, zurückgewiesen, 却下, 拒否",
    ),
    (
        DispositionKind::Defer,
        "defer, deferred, postpone, postponed, later, \
         推迟, 延后, 暂缓, स्थगित, aplazar, aplazado, aplazada, diferido, différer, différé, différée, reporté, reportée, \
         تأجيل, مؤجل, مؤجلة, adiar, adiado, adiada, отложить, отложено, отложен, отложена, \
         aufgeschoben, verschoben, zurückgestellt, 延期, 保留",
    ),
    (
        DispositionKind::Duplicate,
        "duplicate, duplicated, duplicate of, dup, dup of, dupe, dupe of, same, same as, \
         重复, 重复于, डुप्लिकेट, duplicado, duplicada, doublon, doublon de, مكرر, дубликат, duplikat, duplikat von, doppelt, 重複",
    ),
];

/// The decision that a word stands for, and the finding that it names: `same as F2`.
pub(super) fn of(text: &str) -> Option<(DispositionKind, Option<FindingId>)> {
    if let Some(decision) = of_word(text) {
        return Some((decision, None));
    }
    if text.len() > MAX_LENGTH {
        return None;
    }
    let names = |rest: &str| rest.starts_with(['F', 'f']) || rest.starts_with(|c: char| c.is_ascii_digit());
    let mut marks = text.char_indices().filter(|(_, c)| !c.is_alphanumeric());
    let (same, id) = marks.find_map(|(at, c)| {
        let rest = &text[at + c.len_utf8()..];
        Some((&text[..at], finding_id(rest).filter(|_| names(rest))?))
    })?;
    let decision = of_word(same.trim_matches(|c: char| !c.is_alphanumeric()))?;
    // Only a duplicate refers to another finding. Behind other words, a number begins a reason.
    (decision == DispositionKind::Duplicate).then_some((decision, Some(id)))
}

/// The decision that a text is a word for. Only whole words count: `not accepted` is none.
pub(super) fn of_word(word: &str) -> Option<DispositionKind> {
    if word.len() > MAX_LENGTH {
        return None;
    }
    let said = normalize(word);
    let is_said = |words: &str| words.split(',').any(|word| normalize(word) == said);
    WORDS.iter().find(|(_, words)| !said.is_empty() && is_said(words)).map(|(decision, _)| *decision)
}
