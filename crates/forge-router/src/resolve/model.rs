//! What the file says about models.

use forge_config::{KeyPath, Problem, nearest};
use forge_core::{
    AdapterKind, ModelId, ModelProvider, ModelTable,
    model::{Abilities, ModelRow},
    request::Effort,
};

use super::{Named, Resolver};
use crate::{
    code,
    plan::Target,
    spec::{ModelSpec, RouterSpec},
};

/// A model of the file.
#[derive(Debug)]
pub(super) struct SaidModel<'a> {
    /// The one provider behind which it is.
    provider: Option<&'a str>,
    /// Its vendor is that of the provider.
    row: ModelRow,
    path: KeyPath,
}

/// By whom a model is served.
pub(super) struct Offer {
    pub(super) vendor: ModelProvider,
    /// It may be somebody who serves the models of others.
    pub(super) gateway: bool,
    /// The file says what the model costs.
    pub(super) priced: bool,
}

impl<'a> Resolver<'a, '_> {
    /// The models that the file describes, in its order.
    pub(super) fn models(&mut self, spec: &'a RouterSpec) -> Vec<SaidModel<'a>> {
        let root = KeyPath::ROOT.key("models");
        let model = |(id, spec): (&'a String, &'a ModelSpec)| {
            let path = root.key(id);
            let provider = spec.provider.as_deref().filter(|id| self.is_provider(id, &path.key("provider")));
            SaidModel { provider, row: self.model_row(id, spec, &path), path }
        };
        spec.models.iter().map(model).collect()
    }

    /// Whether an id names a provider. A pool has several, with models of their own.
    fn is_provider(&mut self, id: &str, path: &KeyPath) -> bool {
        if let Some(Named::Target(Target::Pool(_))) = self.names.get(id) {
            let problem = Problem::new(code::UNKNOWN_NAME, path.clone(), format!("`{id}` is a pool"));
            self.report(problem.with_hint("name one of its providers"));
            return false;
        }
        self.reference(id, path).is_some()
    }

    fn model_row(&mut self, id: &str, spec: &ModelSpec, path: &KeyPath) -> ModelRow {
        let mut tokens = |key: &str, value| self.context.integer(value, 1..=i64::MAX, &path.key(key));
        ModelRow {
            context_tokens: tokens("context_tokens", spec.context_tokens),
            max_input_tokens: tokens("max_input_tokens", spec.max_input_tokens),
            max_output_tokens: tokens("max_output_tokens", spec.max_output_tokens),
            like: spec.like.as_deref().map(ModelId::from),
            abilities: self.abilities(spec, path),
            prices: spec.price.iter().filter_map(|price| self.price(price, &path.key("price"))).collect(),
            source: "configuration".into(),
            ..ModelRow::new(ModelProvider::Custom(String::new()), id)
        }
    }

    /// What the file says that a model can do; whatever it leaves out stays unknown.
    fn abilities(&mut self, spec: &ModelSpec, path: &KeyPath) -> Abilities {
        let levels = Effort::ALL.map(|level| (level.as_str(), level));
        let path = path.key("efforts");
        let efforts = spec.efforts.as_ref().map(|words| {
            let words = words.iter().enumerate();
            let level =
                |(at, word): (usize, &String)| self.context.one_of(word, &levels, "effort", &path.index(at));
            words.filter_map(level).collect()
        });
        let mut abilities = Abilities::default();
        abilities.images = spec.images;
        abilities.audio = spec.audio;
        abilities.documents = spec.documents;
        abilities.tools = spec.tools;
        abilities.forced_tool_choice = spec.forced_tool_choice;
        abilities.structured_output = spec.structured_output;
        abilities.sampling = spec.sampling;
        abilities.stop_sequences = spec.stop_sequences;
        abilities.prefill = spec.prefill;
        abilities.efforts = efforts;
        abilities
    }

    /// What the file says about the models behind the provider `id`, which is of this kind.
    pub(super) fn models_of(&self, id: &str, kind: &AdapterKind) -> ModelTable {
        let own = self.said.iter().filter(|said| said.provider.is_none_or(|provider| provider == id));
        let row = |said: &SaidModel<'_>| ModelRow { provider: kind.vendor.clone(), ..said.row.clone() };
        ModelTable::new(own.map(row).collect())
    }

    /// Reports a model that the asked one is said to be like, and that the vendor's table does not know.
    pub(super) fn check_like(&mut self, vendor: &ModelProvider, said: &ModelRow) {
        let Some(like) = &said.like else { return };
        let rows = || self.section.models.rows().iter().filter(|row| row.provider == *vendor);
        if rows().any(|row| row.id == *like) {
            return;
        }
        let path = self.said.iter().find(|one| one.row.id == said.id).map(|one| one.path.key("like"));
        let message = format!("the table has no model `{like}` of {vendor}");
        let mut problem = Problem::new(code::UNKNOWN_NAME, path.unwrap_or_default(), message);
        if let Some(near) = meant(like.as_str(), rows().map(|row| row.id.as_str())) {
            problem = problem.with_hint(format!("did you mean `{near}`?"));
        }
        // Several providers may have the model; it is wrong once.
        if !self.context.problems.contains(&problem) {
            self.report(problem);
        }
    }
}

impl Resolver<'_, '_> {
    /// The warning about a model that the table of `vendor` does not have. It may be newer than the table, so that
    /// nothing is said about what it can do.
    pub(super) fn unknown_model(
        &self,
        model: &ModelId,
        Offer { vendor, gateway, priced }: &Offer,
        path: &KeyPath,
    ) -> Problem {
        let problem = |message: String| Problem::new(code::UNKNOWN_MODEL, path.clone(), message);
        let rows = || self.section.models.rows().iter().filter(|row| row.id != "*");
        let of = |id: &str| {
            let id = ModelId::from(id);
            let names = |row: &&ModelRow| row.id == id || id.undated() == Some(row.id.as_str());
            rows().filter(names).map(|row| &row.provider).collect::<Vec<_>>()
        };
        // Who serves the models of others calls them as it likes.
        let bare = model.as_str().rsplit_once('/').map(|(_, bare)| bare);
        let vendors = if *gateway { Vec::new() } else { of(bare.unwrap_or(model.as_str())) };
        if vendors.contains(&vendor) {
            let message = format!("model `{model}` has a prefix that {vendor} does not use");
            return problem(message).with_hint(format!("write `{}`", bare.unwrap_or_default()));
        }
        if let Some(other) = vendors.first() {
            let message = format!("model `{model}` belongs to {other}, not to {vendor}");
            return problem(message).with_hint(format!("write `type: {other}`, or a model of {vendor}"));
        }
        let cost = if *priced { "" } else { ", and its cost is unknown" };
        let unknown =
            problem(format!("model `{model}` is not in the table: its abilities are assumed{cost}"));
        let today = self.section.today;
        let own = rows().filter(|row| row.provider == *vendor && !row.is_retired_on(today));
        match meant(model.as_str(), own.map(|row| row.id.as_str())) {
            Some(near) => unknown.with_hint(format!("did you mean `{near}`?")),
            None => unknown,
        }
    }
}

/// The name that `wrong` was meant to be. Numbers are versions: with more than one slip in them it is another model.
fn meant<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let digits = |name: &str| name.bytes().filter(u8::is_ascii_digit).collect::<Vec<_>>();
    let own = digits(wrong);
    let is_slip = |other: Vec<u8>| {
        own.len() == other.len() && own.iter().zip(&other).filter(|(one, other)| one != other).count() < 2
    };
    nearest(wrong, known.filter(|name| own.is_empty() || is_slip(digits(name))))
}

#[cfg(test)]
mod tests {
    use forge_core::{Money, model::Efforts, request::Effort};
    use serde_json::{Value, json};

    use super::super::fixture::{codes, resolve};

    /// `old` is in the table, `new` is not.
    #[expect(clippy::needless_pass_by_value, reason = "cases are written in place")]
    fn file(models: Value, needs: Value) -> Value {
        json!({
            "schema_version": "1.0",
            "providers": {
                "old": {"type": "anthropic", "model": "able", "api_key": "${KEY}"},
                "new": {"type": "anthropic", "model": "novel", "api_key": "${KEY}"},
            },
            "pools": {"both": {"members": [{"provider": "old"}, {"provider": "new"}]}},
            "models": models,
            "roles": {"coder": {"provider": "both", "needs": needs}},
        })
    }

    #[test]
    fn an_ability_that_nobody_knows_is_not_assumed() {
        let no = json!([]);
        assert_eq!(codes(file(json!({}), no.clone())), ["W105 providers.new.model"]);
        let tools = json!(["tools"]);
        let unknown = "E132 roles.coder.provider";
        assert_eq!(codes(file(json!({}), tools.clone())), ["W105 providers.new.model", unknown]);
        let (_, problems) = resolve(file(json!({"novel": {"images": true}}), tools.clone()));
        assert_eq!(
            problems[0].to_string(),
            "roles.coder.provider: the role needs tools; support by `new` is unknown; \
             write `models: { \"novel\": { tools: true } }` if it is supported"
        );
        assert_eq!(codes(file(json!({"novel": {"tools": true}}), tools.clone())), [""; 0]);
        assert_eq!(
            codes(file(json!({"novel": {"tools": false}}), tools.clone())),
            ["E130 roles.coder.provider"]
        );
        assert_eq!(
            codes(file(json!({"able": {"tools": false}, "novel": {"like": "able"}}), tools)),
            ["E130 roles.coder.provider"]
        );
    }

    #[test]
    fn what_is_said_stands_in_the_plan_of_whom_it_is_said_of() {
        let said = json!({
            "novel": {
                "context_tokens": 9_000, "max_output_tokens": 500, "images": false, "efforts": ["high"],
                "price": {"input": 1, "output": 2},
            },
            "able": {"provider": "new", "tools": false},
        });
        let (plan, problems) = resolve(file(said, json!([])));
        let plan = plan.unwrap_or_else(|| panic!("{problems:?}"));
        let [old, new] = plan.providers.as_slice() else { panic!("{plan:?}") };
        let able = new.capabilities;
        assert_eq!((able.context_tokens, able.max_output_tokens), (Some(9_000), Some(500)));
        assert!(able.tools && !able.images && able.efforts == Efforts::of(&[Effort::High]));
        assert!(old.capabilities.tools && old.models.find_id(&"able".into()).is_none());
        let row = new.models.find_id(&"novel".into()).unwrap();
        assert_eq!(row.provider, new.vendor());
        assert_eq!(row.prices[0].tiers[0].output.money_per_million(), "2".parse::<Money>().unwrap());
    }

    #[test]
    fn a_model_behaves_as_the_one_that_it_is_like() {
        let said = json!({"novel": {"like": "basic", "tools": true, "price": {"input": 1, "output": 2}}});
        let (plan, problems) = resolve(file(said, json!(["tools"])));
        assert!(problems.is_empty(), "{problems:?}");
        let able = plan.unwrap().providers[1].capabilities;
        assert_eq!((able.context_tokens, able.tools, able.images), (Some(8_000), true, false));
    }

    #[test]
    fn a_wrong_value_is_told_where_it_stands() {
        for (said, expected) in [
            (json!({"context_tokens": 0}), "E115 models.novel.context_tokens"),
            (json!({"efforts": ["low", "huge"]}), "E114 models.novel.efforts[1]"),
            (json!({"price": {"input": -1, "output": 1}}), "E115 models.novel.price.input"),
            (json!({"provider": "nobody-like-this"}), "E110 models.novel.provider"),
            (json!({"provider": "both"}), "E110 models.novel.provider"),
            (json!({"like": "abel"}), "E110 models.novel.like"),
        ] {
            assert_eq!(codes(file(json!({"novel": said}), json!([]))), [expected], "{said}");
        }
    }
}
