//! The table of models: limits, dates and prices, as data.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    id::ModelId,
    model::{Abilities, Capabilities},
    participant::ModelProvider,
    price::{Factor, Price, ServedPrice},
    storage::accounts::Served,
    usage::{Money, TokenCount},
};

/// What a vendor's own list says about a model. Any of it may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "every adapter says all that its vendor lists")]
pub struct ModelInfo {
    /// The model's id.
    pub id: ModelId,
    /// A name for people.
    pub display_name: Option<String>,
    /// Tokens of input and output together.
    pub context_tokens: Option<u64>,
    /// Tokens of output.
    pub max_output_tokens: Option<u64>,
    /// The day from which requests fail.
    pub retires: Option<NaiveDate>,
}

impl ModelInfo {
    /// A model of which only the id is known.
    pub fn new(id: impl Into<ModelId>) -> Self {
        let id = id.into();
        Self { id, display_name: None, context_tokens: None, max_output_tokens: None, retires: None }
    }
}

/// Models with their limits, dates and prices. Each adapter crate carries the rows of its vendor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelTable {
    rows: Vec<ModelRow>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "a row of data, written by hand and by files")]
pub struct ModelRow {
    /// The vendor.
    pub provider: ModelProvider,
    /// The model's id, without a date suffix. `*` stands for every model of the vendor.
    pub id: ModelId,
    /// Tokens of input and output together.
    #[serde(default)]
    pub context_tokens: Option<u64>,
    /// Tokens of input alone, where the vendor limits them further.
    #[serde(default)]
    pub max_input_tokens: Option<u64>,
    /// Tokens of output.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
    /// The day of its release.
    #[serde(default)]
    pub released: Option<NaiveDate>,
    /// The day from which requests fail.
    #[serde(default)]
    pub retires: Option<NaiveDate>,
    /// What the vendor says to use in place of a model that retires.
    #[serde(default)]
    pub successor: Option<ModelId>,
    /// The vendor answers with another model from that day on, at that model's price.
    #[serde(default)]
    pub routed: Option<Routed>,
    /// What the vendor charged and charges.
    #[serde(default)]
    pub prices: Vec<Price>,
    /// What it costs where it is served in another way than the usual one.
    #[serde(default)]
    pub served: Vec<ServedPrice>,
    /// The model as which the vendor's dialect treats it; its own id if unset.
    #[serde(default)]
    pub like: Option<ModelId>,
    /// What it can do, where that is known better than by the adapter.
    #[serde(default)]
    pub abilities: Abilities,
    /// What a user should know.
    #[serde(default)]
    pub note: String,
    /// Where the row comes from.
    pub source: String,
    /// When it was checked: a day or a month.
    pub checked: String,
}

/// The vendor answers with another model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "a row of data, written by hand and by files")]
pub struct Routed {
    /// Since this day.
    pub since: NaiveDate,
    /// This one.
    pub to: ModelId,
}

impl ModelTable {
    /// A table of these rows.
    pub fn new(rows: Vec<ModelRow>) -> Self {
        Self { rows }
    }

    /// Reads a table from JSON: an array of [`ModelRow`].
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The rows, in the order of the data.
    pub fn rows(&self) -> &[ModelRow] {
        &self.rows
    }

    /// Adds the rows of `other`; a row for the same model takes the place of the old one.
    pub fn merge(&mut self, other: &Self) {
        for row in &other.rows {
            self.rows.retain(|old| (&old.provider, &old.id) != (&row.provider, &row.id));
            self.rows.push(row.clone());
        }
    }

    /// This table with what the rows of `said` say over it, field by field.
    pub fn overlaid(&self, said: &Self) -> Self {
        let over = |row: &ModelRow| match self.find(&row.provider, &row.id) {
            Some(base) => row.over(base),
            None => row.clone(),
        };
        let mut table = self.clone();
        table.merge(&Self::new(said.rows.iter().map(over).collect()));
        table
    }

    /// The row of `model`: its exact id, else its id without a date suffix (`-20261109` or
    /// `-2026-11-09`), else the vendor's `*` row. Never by prefix.
    pub fn find(&self, provider: &ModelProvider, model: &ModelId) -> Option<&ModelRow> {
        let exact =
            |id: &str| self.rows.iter().find(|row| row.id.as_str() == id && row.provider == *provider);
        exact(model.as_str()).or_else(|| exact(model.undated()?)).or_else(|| exact("*"))
    }

    /// The row of `model` in a table that is about one vendor: its exact id, else its id without a date suffix.
    pub fn find_id(&self, model: &ModelId) -> Option<&ModelRow> {
        let exact = |id: &str| self.rows.iter().find(|row| row.id == id);
        exact(model.as_str()).or_else(|| exact(model.undated()?))
    }

    /// The row that `model` is served and priced by on `day` (UTC): its own, or that of the model which the
    /// vendor has put in its place.
    pub fn serving(&self, provider: &ModelProvider, model: &ModelId, day: NaiveDate) -> Option<&ModelRow> {
        let row = self.find(provider, model)?;
        match &row.routed {
            Some(routed) if routed.since <= day => self.find(provider, &routed.to),
            _ => Some(row),
        }
    }

    /// What `tokens` cost with `model`, the one that *served* the call, on `day` (UTC).
    ///
    /// The classes are multiplied by their rates, added, and rounded once, half up, to a nano-dollar.
    /// `None` if the model, its price on that day, or the input or output tokens are unknown.
    pub fn cost(
        &self,
        provider: &ModelProvider,
        model: &ModelId,
        day: NaiveDate,
        tokens: &TokenCount,
    ) -> Option<Money> {
        self.serving(provider, model, day)?.price_on(day)?.cost(tokens)
    }

    /// As [`cost`](Self::cost), for a call that was served so. `None` as well if that has a price of its own, which the
    /// table does not have, unless the model costs nothing.
    pub fn cost_as_served(
        &self,
        provider: &ModelProvider,
        model: &ModelId,
        day: NaiveDate,
        tokens: &TokenCount,
        served: Option<&Served>,
    ) -> Option<Money> {
        let row = self.serving(provider, model, day)?;
        let price = row.price_on(day)?;
        match served.map_or(Some(Factor::ONE), |served| row.factor(served, tokens.total_input())) {
            Some(factor) => price.times(factor).cost(tokens),
            // Any multiple of nothing is nothing.
            None => price.cost(tokens).filter(|cost| *cost == Money::ZERO),
        }
    }
}

impl ModelRow {
    /// A model of which only the id is known.
    pub fn new(provider: ModelProvider, id: impl Into<ModelId>) -> Self {
        Self {
            provider,
            id: id.into(),
            context_tokens: None,
            max_input_tokens: None,
            max_output_tokens: None,
            released: None,
            retires: None,
            successor: None,
            routed: None,
            prices: Vec::new(),
            served: Vec::new(),
            like: None,
            abilities: Abilities::default(),
            note: String::new(),
            source: String::new(),
            checked: String::new(),
        }
    }

    /// This row, with what `base` says where it says nothing.
    pub fn over(&self, base: &Self) -> Self {
        // How a price changes with the way of serving belongs to the price.
        let (prices, served) =
            if self.prices.is_empty() { (&base.prices, &base.served) } else { (&self.prices, &self.served) };
        Self {
            provider: self.provider.clone(),
            id: self.id.clone(),
            context_tokens: self.context_tokens.or(base.context_tokens),
            max_input_tokens: self.max_input_tokens.or(base.max_input_tokens),
            max_output_tokens: self.max_output_tokens.or(base.max_output_tokens),
            prices: prices.clone(),
            served: served.clone(),
            like: self.like.clone().or_else(|| base.like.clone()),
            abilities: self.abilities.or(&base.abilities),
            source: self.source.clone(),
            ..base.clone()
        }
    }

    /// What the model can do if the adapter assumes `assumed`.
    pub fn capabilities_over(&self, assumed: Capabilities) -> Capabilities {
        Capabilities {
            context_tokens: self.context_tokens.or(assumed.context_tokens),
            max_output_tokens: self.max_output_tokens.or(assumed.max_output_tokens),
            ..self.abilities.over(assumed)
        }
    }

    /// The price on `day` (UTC).
    pub fn price_on(&self, day: NaiveDate) -> Option<&Price> {
        self.prices.iter().find(|price| {
            price.effective_from.is_none_or(|from| from <= day)
                && price.effective_to.is_none_or(|to| day <= to)
        })
    }

    /// How many times the usual price a call costs that is served so, its prompt being so large. `None` if the table
    /// does not have that.
    pub fn factor(&self, served: &Served, input_tokens: Option<u64>) -> Option<Factor> {
        let within = |most: u64| input_tokens.is_some_and(|tokens| tokens <= most);
        served.unusual_words().try_fold(Factor::ONE, |factor, (what, word)| {
            let fits =
                |own: &&ServedPrice| own.is_of(what, word) && own.up_to_input_tokens.is_none_or(within);
            // One word whose multiple is unknown makes the whole price unknown.
            Some(factor.times(self.served.iter().find(fits)?.times))
        })
    }

    /// The price on `day` by which money is set aside for a call that asks to be served so: never less than the usual
    /// one, as which the vendor may serve it. `None` if it may be dearer than all that the table has.
    pub fn price_asked(&self, day: NaiveDate, asked: &Served) -> Option<Price> {
        // Vendors' words for service at a discount, for which the usual price is a bound even if the table lacks
        // it.
        const CHEAPER: [&str; 2] = ["batch", "flex"];
        let price = self.price_on(day)?;
        let dearest = asked.unusual_words().try_fold(Factor::ONE, |factor, (what, word)| {
            // The dearest of several: which of them holds is known only when the prompt has been counted.
            let known = self.served.iter().filter(|own| own.is_of(what, word)).map(|own| own.times).max();
            let is_cheaper = CHEAPER.iter().any(|cheaper| cheaper.eq_ignore_ascii_case(word));
            let times = known.or_else(|| is_cheaper.then_some(Factor::ONE))?;
            Some(factor.times(times.max(Factor::ONE)))
        });
        match dearest {
            Some(factor) => Some(price.times(factor)),
            None => price.is_free().then(|| price.clone()),
        }
    }

    /// Whether requests fail on `day`.
    pub fn is_retired_on(&self, day: NaiveDate) -> bool {
        self.retires.is_some_and(|end| end <= day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"[{
        "provider": "anthropic", "id": "small", "source": "s", "checked": "2026-10",
        "prices": [
            {"effective_to": "2026-10-06", "tiers": [{"input": "9", "output": "9"}]},
            {"effective_from": "2026-10-07", "tiers": [
                {"input": "0.10", "output": "0.50", "cache_read": "0.01", "cache_write_5m": "0.125", "cache_write_1h": "0.2"},
                {"above_input_tokens": 100000, "input": "0.50", "output": "2.50"}]}]
    }]"#;

    fn cost(model: &str, day: &str, tokens: TokenCount) -> Option<Money> {
        let table = ModelTable::from_json(TABLE).unwrap();
        table.cost(&ModelProvider::Anthropic, &model.into(), day.parse().unwrap(), &tokens)
    }

    fn tokens(input: u64, output: u64) -> TokenCount {
        TokenCount { input: Some(input), output: Some(output), ..TokenCount::default() }
    }

    #[test]
    fn one_token_more_puts_the_whole_request_into_the_next_tier() {
        let at = cost("small", "2026-11-01", tokens(100_000, 0)).unwrap();
        let above = cost("small", "2026-11-01", tokens(100_001, 0)).unwrap();
        assert_eq!((at.nanos(), above.nanos()), (10_000_000, 50_000_500));
    }

    #[test]
    fn cached_tokens_count_for_the_tier_and_have_their_own_rate() {
        let cached = TokenCount {
            cache_read: Some(1_000),
            cache_write_1h: Some(1_000),
            reasoning: Some(10),
            ..tokens(1_000, 10)
        };
        let cost = cost("small", "2026-11-01", cached).unwrap();
        assert_eq!(cost.nanos(), 100_000 + 10_000 + 200_000 + 20 * 500);
    }

    #[test]
    fn the_day_decides_the_price() {
        assert_eq!(cost("small", "2026-10-06", tokens(1, 0)).unwrap().nanos(), 9_000);
        assert_eq!(cost("small", "2026-10-07", tokens(1, 0)).unwrap().nanos(), 100);
    }

    #[test]
    fn unknown_is_never_free() {
        assert_eq!(cost("smaller", "2026-11-01", tokens(1, 1)), None);
        assert_eq!(cost("small", "2026-11-01", TokenCount { output: None, ..tokens(1, 1) }), None);
        assert_eq!(cost("small", "2026-11-01", TokenCount { input: None, ..tokens(1, 1) }), None);
        let unpriced = TokenCount { cache_write_1h: Some(1), ..tokens(200_000, 1) };
        assert_eq!(cost("small", "2026-11-01", unpriced), None);
    }

    #[test]
    fn a_model_that_the_vendor_replaced_costs_what_its_successor_costs() {
        let mut table = ModelTable::from_json(TABLE).unwrap();
        let row = r#"[{"provider": "anthropic", "id": "old", "routed": {"since": "2026-11-01", "to": "small"},
            "prices": [{"tiers": [{"input": "7", "output": "7"}]}], "source": "s", "checked": "2026-10"}]"#;
        table.merge(&ModelTable::from_json(row).unwrap());
        let cost = |day: &str| {
            let day = day.parse().unwrap();
            table.cost(&ModelProvider::Anthropic, &"old".into(), day, &tokens(1, 0)).unwrap().nanos()
        };
        assert_eq!((cost("2026-10-31"), cost("2026-11-01")), (7_000, 100));
    }

    #[test]
    fn what_is_said_of_a_model_stands_over_its_row_field_by_field() {
        let table = ModelTable::from_json(TABLE).unwrap();
        let row = |id: &str| ModelRow {
            context_tokens: Some(9),
            like: Some("large".into()),
            ..ModelRow::new(ModelProvider::Anthropic, id)
        };
        let table = table.overlaid(&ModelTable::new(vec![row("small"), row("new")]));
        let found = |id: &str| table.find(&ModelProvider::Anthropic, &id.into()).unwrap();
        assert_eq!((found("small").context_tokens, found("small").prices.len()), (Some(9), 2));
        assert_eq!((found("new").context_tokens, found("new").prices.len()), (Some(9), 0));
        assert_eq!(found("small").checked, "2026-10");
    }

    #[test]
    fn what_the_table_has_no_price_for_has_no_price() {
        let table = r#"[{"provider": "openai", "id": "m", "source": "s", "checked": "c",
                "prices": [{"tiers": [{"input": "1", "output": "2"}]}]},
            {"provider": "local", "id": "*", "source": "s", "checked": "c",
                "prices": [{"tiers": [{"input": "0", "output": "0"}]}]}]"#;
        let table = ModelTable::from_json(table).unwrap();
        let tokens = TokenCount::default().with_input(1_000_000).with_output(0);
        let day = "2026-11-28".parse().unwrap();
        let cost = |vendor: &str, served: Served, tokens: &TokenCount| {
            let cost = table.cost_as_served(&vendor.into(), &"m".into(), day, tokens, Some(&served));
            cost.map(|cost| cost.to_string())
        };
        let usual = Served::default().with_tier("default").with_region("global").with_speed("standard");
        assert_eq!(cost("openai", usual.clone(), &tokens).as_deref(), Some("$1.00"));
        for served in [
            usual.clone().with_tier("flex"),
            usual.clone().with_tier("priority"),
            usual.clone().with_region("us"),
            usual.clone().with_speed("fast"),
        ] {
            assert_eq!(cost("openai", served.clone(), &tokens), None, "{served:?}");
            assert_eq!(
                cost("local", served, &tokens).as_deref(),
                Some("$0.00"),
                "nothing is nothing in every tier"
            );
        }
        let fetched = crate::usage::ServerTools::default().with_web_fetch(3);
        assert!(cost("openai", usual.clone(), &tokens.with_server_tools(fetched)).is_some());
        assert_eq!(cost("openai", usual, &tokens.with_server_tools(fetched.with_web_search(5))), None);
    }

    #[test]
    fn a_call_costs_what_the_way_costs_in_which_it_was_served() {
        let table = r#"[{"provider": "openai", "id": "m", "source": "s", "checked": "c",
            "prices": [{"tiers": [{"input": "1", "output": "2"}, {"above_input_tokens": 1000, "input": "10", "output": "20"}]}],
            "served": [
                {"tier": ["flex", "batch"], "times": "0.5", "source": "s", "checked": "c"},
                {"tier": ["priority", "fast"], "times": "2.5", "up_to_input_tokens": 1000, "source": "s", "checked": "c"},
                {"region": ["us"], "times": "1.1", "source": "s", "checked": "c"}]}]"#;
        let table = ModelTable::from_json(table).unwrap();
        let day = "2026-11-28".parse().unwrap();
        let cost = |served: &Served, input| {
            let tokens = TokenCount::default().with_input(input).with_output(1_000_000);
            let cost = table.cost_as_served(&"openai".into(), &"m".into(), day, &tokens, Some(served));
            cost.map(|cost| cost.to_string())
        };
        let row = table.find(&"openai".into(), &"m".into()).unwrap();
        let set_aside = |served: &Served| {
            let price = row.price_asked(day, served)?;
            Some(price.cost(&TokenCount::default().with_input(0).with_output(1_000_000))?.to_string())
        };
        let tier = |tier: &str| Served::default().with_tier(tier);
        for (served, small, large, held) in [
            (tier("default"), Some("$2.00"), Some("$20.02"), Some("$2.00")),
            (tier("FLEX"), Some("$1.00"), Some("$10.01"), Some("$2.00")),
            (tier("fast"), Some("$5.00"), None, Some("$5.00")),
            (tier("fast").with_region("us"), Some("$5.50"), None, Some("$5.50")),
            (tier("ultrafast"), None, None, None),
            (tier("default").with_speed("fast"), None, None, None),
        ] {
            assert_eq!(cost(&served, 0).as_deref(), small, "{served:?}");
            assert_eq!(cost(&served, 2_000).as_deref(), large, "{served:?}");
            assert_eq!(set_aside(&served).as_deref(), held, "{served:?}");
        }
    }

    #[test]
    fn ids_match_exactly_or_with_a_date_suffix() {
        for good in ["small", "small-20261007", "small-2026-10-07"] {
            assert!(cost(good, "2026-11-01", tokens(1, 1)).is_some(), "{good}");
        }
        for bad in ["small-2", "small-latest", "small20261007", "smal", "-20261007", "small-2026-13-07"] {
            assert!(cost(bad, "2026-11-01", tokens(1, 1)).is_none(), "{bad}");
        }
    }
}
