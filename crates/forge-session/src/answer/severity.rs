//! What critics call a severity, in one table.

mod words;

use std::{collections::HashMap, sync::LazyLock};

use self::words::{CLEAR, IN_FIELDS};
use super::Severity;

/// Traffic lights, worst first.
const LIGHTS: [(char, Severity); 4] =
    [('🔴', Severity::Critical), ('🟠', Severity::Major), ('🟡', Severity::Minor), ('🟢', Severity::Nit)];

/// They take back the word that follows.
const NOT_BEFORE: [&str; 24] = [
    "not", "non", "no", "isn't", "isnt", "never", "hardly", "less", "nicht", "kein", "keine", "weder", "pas",
    "aucun", "ni", "não", "nao", "не", "ليس", "ليست", "غير", "不", "非", "并非",
];
/// They take back the word before.
const NOT_AFTER: [&str; 6] = ["नहीं", "ない", "ではない", "でない", "じゃない", "ではありません"];
/// What may follow a Chinese or Japanese word without a blank.
const ENDINGS: [&str; 9] = ["的", "な", "の", "级", "級", "问题", "問題", "缺陷", "错误"];
/// `9 of 10` in several languages.
const OF: [&str; 7] = ["/", "of", "von", "sur", "de", "из", "من"];
/// Names of the field, which may stand before its value.
const NAMES: [&str; 22] = [
    "severity",
    "level",
    "priority",
    "impact",
    "rating",
    "sev",
    "prio",
    "严重性",
    "严重程度",
    "级别",
    "优先级",
    "गंभीरता",
    "gravedad",
    "severidad",
    "gravité",
    "sévérité",
    "الخطورة",
    "gravidade",
    "severidade",
    "серьезность",
    "schweregrad",
    "重要度",
];

/// Severities by their words, as [`folded`] writes them.
type Words = HashMap<String, Severity>;

/// Words that mean a severity wherever something is marked with them.
static MARKS: LazyLock<Words> = LazyLock::new(|| of_table(&CLEAR).collect());
/// All words that mean one in a field for it.
static ALL: LazyLock<Words> = LazyLock::new(|| of_table(&CLEAR).chain(of_table(&IN_FIELDS)).collect());
static NEGATIONS: LazyLock<[Vec<String>; 2]> =
    LazyLock::new(|| [NOT_BEFORE.map(folded).to_vec(), NOT_AFTER.map(folded).to_vec()]);

/// The words of a table, each with its severity, as they are compared.
fn of_table(table: &'static [(Severity, &str)]) -> impl Iterator<Item = (String, Severity)> {
    table.iter().flat_map(|(severity, words)| words.split(',').map(|word| (folded(word), *severity)))
}

/// Words that critics mark faults with and that say other things as well.
const WEAK: [&str; 6] = ["high", "important", "medium", "low", "style", "info"];

/// A severity where a text is marked with one: a clear word, or one that English critics use so.
pub(super) fn of_mark(word: &str) -> Option<Severity> {
    let word = folded(word);
    let weak = || ALL.get(&word).copied().filter(|_| WEAK.contains(&word.as_str()));
    MARKS.get(&word).copied().or_else(weak)
}

/// The severity in the few words that mark a text. Words that are not clear count only beside `labels`.
pub(super) fn in_mark(head: &str, is_label: impl Fn(&str) -> bool) -> Option<Severity> {
    // All of them in a row are the form that was asked for.
    if is_choice(head) {
        return None;
    }
    let words: Vec<&str> = tokens(head).collect();
    let (from, count, severity) = (0..words.len()).find_map(|from| {
        // Three words first, then fewer: `very high` is not `high`.
        let mut longest = (1..=3.min(words.len() - from)).rev();
        longest.find_map(|count| Some((from, count, of_mark(&words[from..from + count].concat())?)))
    })?;
    let is_denied = from > 0 && NEGATIONS[0].contains(&folded(words[from - 1]));
    // `Important: test this` is advice. A weak word counts only where nothing but marks stands beside it.
    let is_weak = count == 1 && WEAK.contains(&folded(words[from]).as_str());
    let is_known = |word: &&str| of_mark(word).is_some() || is_label(word);
    (!is_denied && (!is_weak || words.iter().all(is_known))).then_some(severity)
}

/// The severity that a traffic light at the beginning stands for. Green marks praise as often as faults.
pub(super) fn of_light(text: &str) -> Option<(Severity, &str)> {
    let (light, severity) = LIGHTS[..3].iter().find(|(light, _)| text.starts_with(*light))?;
    Some((*severity, text[light.len_utf8()..].trim_start_matches('\u{fe0f}').trim_start()))
}

/// The value of a severity field: the first word that is one and is not denied, a share of a named scale, or a
/// traffic light.
pub(super) fn of_field(text: &str) -> Option<Severity> {
    let value = text.split_once([':', '：']).filter(|(name, _)| is_name(name)).map(|(_, value)| value);
    let in_words = |text| word_in(&tokens(text).collect::<Vec<_>>());
    value.and_then(in_words).or_else(|| in_words(text)).or_else(|| score(text)).or_else(|| {
        let light = |c| LIGHTS.iter().find(|(light, _)| *light == c).map(|(_, severity)| *severity);
        // Several lights are a legend.
        let mut lights = text.chars().filter_map(light);
        lights.next().filter(|first| lights.all(|light| light == *first))
    })
}

/// Whether every severity is named, as where a form is repeated instead of filled in.
pub(super) fn is_choice(text: &str) -> bool {
    let options: Vec<&str> = text.split(['|', '/', ',']).collect();
    let known = options.iter().filter(|option| of_field(option).is_some()).count();
    known >= 3 || (text.contains('|') && known >= 2)
}

/// Whether a text is a name of the field itself.
fn is_name(text: &str) -> bool {
    let text = folded(text);
    NAMES.iter().any(|name| folded(name) == text)
}

/// The first severity among the words that is not denied.
fn word_in(tokens: &[&str]) -> Option<Severity> {
    let mut at = 0;
    let mut denied = false;
    while at < tokens.len() {
        let mut longest = (1..=3.min(tokens.len() - at)).rev();
        let found = longest.find_map(|count| Some((count, known(&tokens[at..at + count].concat())?)));
        let Some((count, severity)) = found else {
            let token = folded(tokens[at]);
            denied = NEGATIONS[0].contains(&token) || (denied && folds_to_article(&token));
            at += 1;
            continue;
        };
        let after = tokens.get(at + count).map(|token| folded(token));
        if !denied && !after.is_some_and(|token| NEGATIONS[1].contains(&token)) {
            return Some(severity);
        }
        denied = false;
        at += count;
    }
    None
}

/// `not a critical one`, `not very critical`.
fn folds_to_article(token: &str) -> bool {
    ["a", "an", "very", "so", "that", "really", "sehr", "un", "une", "es", "est", "muy", "tres"]
        .contains(&token)
}

/// The severity that a word means in a field for it.
fn known(word: &str) -> Option<Severity> {
    let word = folded(word);
    let find = |word: &str| ALL.get(word).copied();
    // Chinese and Japanese join an ending to the word, Arabic the article before it.
    let bare = || ENDINGS.iter().find_map(|end| find(word.strip_suffix(end)?));
    find(&word).or_else(bare).or_else(|| find(word.strip_prefix("ال")?))
}

/// `9/10`, `8.5 of 10`, `4 out of 5`. Without its scale a number says nothing.
fn score(text: &str) -> Option<Severity> {
    let text = text.replace('/', " / ").replace("out of", "of");
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/'))
        .collect();
    let share = words.windows(3).find_map(|part| {
        let value: f64 = part[0].parse().ok()?;
        let scale = [5.0, 10.0].into_iter().find(|scale: &f64| scale.to_string() == part[2])?;
        (OF.contains(&part[1]) && (0.0..=scale).contains(&value)).then_some(value / scale)
    })?;
    // The borders of the Common Vulnerability Scoring System; below three of ten nothing needs a change.
    Some(match share {
        share if share >= 0.9 => Severity::Critical,
        share if share >= 0.7 => Severity::Major,
        share if share >= 0.3 => Severity::Minor,
        _ => Severity::Nit,
    })
}

/// The words of a text. Marks that belong to letters stay with them, or Hindi and Arabic words would fall
/// apart.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || is_mark(c) || c == '\''))
        .map(|token| token.trim_matches('\''))
        .filter(|token| !token.is_empty())
}

/// Signs above, below or between letters that do not count as letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{652}' | '\u{93c}' | '\u{94d}' | '\u{200c}' | '\u{200d}')
}

/// Lower case letters and digits, without accents and without variants of one letter.
fn folded(word: &str) -> String {
    let letters = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    let plain = letters.map(|c| match c {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'ё' => 'е',
        'أ' | 'إ' | 'آ' => 'ا',
        'ى' => 'ي',
        '\u{95b}' => 'ज',
        '\u{95c}' => 'ड',
        other => other,
    });
    plain.filter(|c| !is_mark(*c)).collect()
}

/// A severity, or what the critic wrote where it is none that is known: at most 40 characters of it.
pub(super) fn rated(text: &str) -> (Option<Severity>, String) {
    let severity = of_field(text).filter(|_| !is_choice(text));
    let rating = if severity.is_some() { "" } else { text.trim() };
    (severity, rating.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_for_two_severities() {
        for (word, severity) in of_table(&CLEAR).chain(of_table(&IN_FIELDS)) {
            assert!(!word.is_empty());
            assert_eq!(ALL.get(&word), Some(&severity), "{word}");
        }
    }

    #[test]
    fn words_of_ten_languages_are_known() {
        for (severity, said) in [
            (
                Severity::Critical,
                "critical Blocker 致命 紧急 अतिगंभीर crítica bloqueante Critique bloquant حرج الحرج критично Критическая impeditivo kritisch schwerwiegend 致命的 致命的な 緊急",
            ),
            (
                Severity::Major,
                "major high 严重 重大 高 严重的 गंभीर उच्च महत्वपूर्ण grave importante alta majeure élevée elevee خطير عالية مهم серьёзная высокий важно hoch wichtig erheblich 重要 重大な 深刻",
            ),
            (
                Severity::Minor,
                "minor low medium 轻微 次要 中 低 मामूली निम्न मध्यम menor leve baja moderado mineur faible moyenne طفيف منخفضة متوسط незначительный низкая средний niedrig gering mittel 軽微 軽微な 軽度",
            ),
            (
                Severity::Nit,
                "nit trivial cosmetic info 建议 提示 细枝末节 तुच्छ सुझाव cosmético opcional cosmétique négligeable facultatif تافه تجميلي اختياري косметический мелочь kosmetisch Kleinigkeit belanglos 些細 些細な 任意",
            ),
        ] {
            for word in said.split(' ') {
                assert_eq!(of_field(word), Some(severity), "{word}");
                assert_eq!(of_field(&format!("**{}**!", word.to_uppercase())), Some(severity), "{word}");
            }
        }
    }

    #[test]
    fn scales_codes_and_lights_are_known() {
        for (severity, said) in [
            (
                Severity::Critical,
                "P0|p-0|SEV-1|sev0|S0|S1|9/10|10 / 10|9.5 out of 10|5/5|🔴|red|rojo|🔴🔴|priority 1|Priority: 1|show-stopper|9 von 10|very high|très élevé",
            ),
            (
                Severity::Major,
                "P1|SEV2|Sev-2|S2|8/10|7 of 10|4/5|🟠|orange|amber|must fix|must-fix|error|8 sur 10",
            ),
            (
                Severity::Minor,
                "P2|P3|SEV3|S3|5/10|3/5|🟡|yellow|should fix|warning|severity: low|重要度：低|严重程度: 低",
            ),
            (Severity::Nit, "P4|S4|SEV4|1/10|1/5|🟢|green|nice to have|Nice-to-have|info|very low"),
        ] {
            for word in said.split('|') {
                assert_eq!(of_field(word), Some(severity), "{word}");
            }
        }
    }

    #[test]
    fn the_first_word_wins_unless_it_is_denied() {
        for (said, severity) in [
            ("minor (critical for security)", Some(Severity::Minor)),
            ("Major - must be changed", Some(Severity::Major)),
            ("not critical", None),
            ("non-critical", None),
            ("not a critical one, but major", Some(Severity::Major)),
            ("not critical: minor", Some(Severity::Minor)),
            ("nicht kritisch, eher gering", Some(Severity::Minor)),
            ("गंभीर नहीं", None),
            ("🟡 major", Some(Severity::Major)),
            ("🔴🟡🟢", None),
        ] {
            assert_eq!(of_field(said), severity, "{said}");
        }
    }

    #[test]
    fn what_nobody_knows_is_kept_as_it_is_written() {
        for said in
            ["huge", "7", "80%", "11/10", "3/4", "n/a", "Cthulhu", "uncritical", "12 of 20", "S9", "P7"]
        {
            assert_eq!(rated(&format!(" {said}\n")), (None, said.to_owned()));
        }
        assert_eq!(rated(&"é".repeat(90)).1, "é".repeat(40));
        assert_eq!(rated("major"), (Some(Severity::Major), String::new()));
    }

    #[test]
    fn only_clear_words_mark_a_text() {
        for word in ["critical", "Blocker", "nit", "P0", "Kritisch", "crítico", "致命", "серьёзно"]
        {
            assert!(of_mark(word).is_some(), "{word}");
        }
        for word in
            ["critique", "rot", "green", "note", "menor", "bas", "error", "must", "S1", "leicht", "de"]
        {
            assert_eq!(of_mark(word), None, "{word}");
        }
    }
}
