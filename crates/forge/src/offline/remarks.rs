//! What scripted critics say about a passage. Each remark fits the sentence at which it stands; about other passages
//! there are general ones.

/// A fault, and what mends it.
#[derive(Debug)]
pub(super) struct Remark {
    /// How the passage begins.
    begins: &'static str,
    pub(super) severity: &'static str,
    pub(super) category: &'static str,
    pub(super) claim: &'static str,
    /// The sentence that stands behind the passage once it is revised.
    pub(super) addition: &'static str,
}

const fn remark(
    begins: &'static str,
    severity: &'static str,
    category: &'static str,
    claim: &'static str,
    addition: &'static str,
) -> Remark {
    Remark { begins, severity, category, claim, addition }
}

const REMARKS: [Remark; 21] = [
    remark(
        "State the limits first",
        "major",
        "completeness",
        "No limit is named here, so that a reader cannot tell what is allowed.",
        "Until measured otherwise, the limit is 100 a minute for each caller.",
    ),
    remark(
        "Keep one source of truth",
        "major",
        "completeness",
        "It is not said which of the copies is the source.",
        "The source is the record that was written last; everything else can be made again from it.",
    ),
    remark(
        "Each request carries an id",
        "major",
        "correctness",
        "Nothing says for how long an id is remembered, so a late repetition does harm after all.",
        "An id is remembered for a day; a repetition after that is refused.",
    ),
    remark(
        "Measure before you tune",
        "minor",
        "completeness",
        "It is not said what is measured.",
        "What is measured is the share of calls that are refused, and how long the others wait.",
    ),
    remark(
        "A queue without a bound",
        "critical",
        "completeness",
        "The bound of the queue itself is missing.",
        "The queue holds a thousand entries; what comes then is refused.",
    ),
    remark(
        "Refuse early",
        "major",
        "completeness",
        "The form of the refusal is open: neither its status nor when to come back is given.",
        "A refusal has the status 429 and says in seconds when to come back.",
    ),
    remark(
        "The slowest tenth",
        "minor",
        "clarity",
        "Which percentile is watched, and over what time, is left to the reader.",
        "Watched is the 95th percentile over five minutes.",
    ),
    remark(
        "Secrets stay out",
        "critical",
        "security",
        "It is said where secrets must not be, but not where they are kept.",
        "They are kept in the vault, and each is replaced every ninety days.",
    ),
    remark(
        "Failures of a neighbour",
        "major",
        "completeness",
        "The second path is not named.",
        "The second path is the last good answer, marked as old.",
    ),
    remark(
        "Small steps",
        "minor",
        "completeness",
        "How a step is undone is not said.",
        "A step is undone by switching its flag off, which takes effect within a minute.",
    ),
    remark(
        "Names should say",
        "nit",
        "clarity",
        "An example of a good and of a bad name would help.",
        "So it is called `remaining`, not `counter2`.",
    ),
    remark(
        "Every timeout",
        "major",
        "completeness",
        "None of the timeouts has a value.",
        "A call may take two seconds, a connection half a second.",
    ),
    remark(
        "Write down what was left out",
        "minor",
        "completeness",
        "Nothing is listed that was left out.",
        "Left out on purpose: accounts that are shared by several teams.",
    ),
    remark(
        "State that nobody reads",
        "minor",
        "completeness",
        "It is open who finds such state, and when it goes.",
        "State that has not been read for thirty days is removed.",
    ),
    remark(
        "A test that cannot fail",
        "minor",
        "completeness",
        "No test is named that would fail today.",
        "The first test sends one call too many and expects the refusal.",
    ),
    remark(
        "Users notice consistency",
        "nit",
        "clarity",
        "This is an opinion without a consequence for the design.",
        "So all parts answer with the same form of error.",
    ),
    remark(
        "Defaults are decisions",
        "major",
        "completeness",
        "The default itself is not given.",
        "The default is to let calls through and to count them.",
    ),
    remark(
        "The naïve version",
        "minor",
        "completeness",
        "It is not said what the naïve version is.",
        "The naïve version is one counter in memory, without a second machine.",
    ),
    remark(
        "",
        "minor",
        "clarity",
        "The passage can be understood in two ways.",
        "What is meant is the first case; the other one is named separately.",
    ),
    remark(
        "",
        "major",
        "completeness",
        "The passage gives no limit and no unit.",
        "The limit is stated with its unit and its default.",
    ),
    remark(
        "",
        "minor",
        "completeness",
        "Who is to do this, and until when, is not said.",
        "The team that runs the service does it before the first release.",
    ),
];

/// Remarks that fit any passage.
const GENERAL: usize = 3;

/// The remark about a passage; the same one whoever reads it.
pub(super) fn about(quote: &str) -> &'static Remark {
    let (fitting, general) = REMARKS.split_at(REMARKS.len() - GENERAL);
    let known = fitting.iter().find(|one| quote.starts_with(one.begins));
    known.unwrap_or_else(|| &general[quote.bytes().map(usize::from).sum::<usize>() % general.len()])
}

/// Whether the text is one that was revised by these remarks.
pub(super) fn is_revised(text: &str) -> bool {
    REMARKS.iter().any(|one| text.contains(one.addition))
}
