//! Groups of deployments with one name, and who stands in for them.

use std::collections::BTreeMap;

use forge::config::KeyPath;
use serde_json::{Value, json};

use super::{Deployment, Import, at};

/// Which replies without an answer lead on where a filter of a vendor may be gone around.
const AFTER_FILTER: [&str; 4] = ["empty", "error", "content_filtered", "refusal"];

impl Import {
    pub(super) fn model_list(&mut self, list: &Value, path: &KeyPath) {
        let entries = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<&str> = Vec::new();
        let mut groups: BTreeMap<&str, Vec<Deployment>> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let path = at(path, index);
            let Some(name) = entry["model_name"].as_str() else {
                self.note(&path, "left out: it has no `model_name`");
                continue;
            };
            if let Some(deployment) = self.deployment(name, index, entry, &path) {
                if !names.contains(&name) {
                    names.push(name);
                }
                groups.entry(name).or_default().push(deployment);
            }
        }
        if names.is_empty() {
            self.note(path, "no deployment of it can be imported, so there is no provider");
        }
        for name in names {
            let deployments = groups.remove(name).unwrap_or_default();
            self.group(name, deployments, path);
        }
    }

    fn group(&mut self, name: &str, deployments: Vec<Deployment>, path: &KeyPath) {
        let id = self.id(name);
        if id != name {
            let first = deployments.first().map_or(0, |one| one.index);
            self.note(&at(path, first).key("model_name"), format!("`{name}` is called `{id}` here"));
        }
        self.groups.insert(name.to_owned(), id.clone());
        let is_single = deployments.len() == 1;
        let mut members = Vec::new();
        for (number, Deployment { mut provider, weight, .. }) in deployments.into_iter().enumerate() {
            let own = if is_single { id.clone() } else { self.id(&format!("{id}-{}", number + 1)) };
            let mut member = json!({"provider": own});
            if let Some(weight) = weight {
                // The range that a pool takes; a weight of 0 would be a member that is never asked.
                member["weight"] = weight.clamp(1, 1000).into();
            }
            members.push(member);
            provider.retain(|_, value| !value.is_null());
            self.providers.insert(own, provider.into());
        }
        if !is_single {
            // Without a strategy, the other program shuffles by weight.
            let strategy = self.strategy.unwrap_or("weighted");
            self.pools.insert(id, json!({"strategy": strategy, "members": members}));
        }
    }

    /// Roles for the groups that have somebody behind them, and for their other names.
    pub(super) fn fallbacks(&mut self, section: &Value, path: &KeyPath) {
        for key in ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"] {
            for (index, entry) in section[key].as_array().into_iter().flatten().enumerate() {
                for (name, others) in entry.as_object().into_iter().flatten() {
                    self.fallback(name, others, key, &at(&path.key(key), index).key(name));
                }
            }
        }
        for (index, name) in section["default_fallbacks"].as_array().into_iter().flatten().enumerate() {
            let at = at(&path.key("default_fallbacks"), index);
            match name.as_str().and_then(|name| self.groups.get(name).cloned()) {
                Some(id) if index == 0 => drop(self.others.insert("default_provider".into(), id.into())),
                Some(_) => {
                    self.note(&at, "not imported: there is one `default_provider`, which may be a pool");
                }
                None => self.note(&at, "left out: no deployment with this name is imported"),
            }
        }
        for (alias, target) in section["model_group_alias"].as_object().into_iter().flatten() {
            let at = path.key("model_group_alias").key(alias);
            let target = target.as_str().or_else(|| target["model"].as_str()).unwrap_or_default();
            match self.groups.get(target).cloned() {
                Some(id) => {
                    let role = role_name(alias);
                    self.note(&at, format!("the other name is the role `{role}`: `forge ask --role {role}`"));
                    self.roles.insert(role, json!({"provider": id}));
                }
                None => self.note(&at, "left out: no deployment with this name is imported"),
            }
        }
    }

    fn fallback(&mut self, name: &str, others: &Value, key: &str, path: &KeyPath) {
        let Some(id) = self.groups.get(name).cloned() else {
            self.note(path, "left out: no deployment with this name is imported");
            return;
        };
        let mut chain = Vec::new();
        for (index, other) in others.as_array().into_iter().flatten().enumerate() {
            match other.as_str().and_then(|other| self.groups.get(other)) {
                Some(other) if *other != id => chain.push(Value::from(other.as_str())),
                Some(_) => self.note(&at(path, index), "left out: it would fall back to itself"),
                None => self.note(&at(path, index), "left out: no deployment with this name is imported"),
            }
        }
        if chain.is_empty() {
            return;
        }
        if !self.roles.contains_key(&id) {
            let text = format!("fallbacks belong to a role, which is `{id}` here: `forge ask --role {id}`");
            self.note(path, text);
        }
        let role = self.roles.entry(id.clone()).or_insert_with(|| json!({"provider": id, "fallback": []}));
        if let Some(fallback) = role["fallback"].as_array_mut() {
            let new: Vec<Value> = chain.into_iter().filter(|other| !fallback.contains(other)).collect();
            fallback.extend(new);
        }
        if key == "content_policy_fallbacks" {
            role["fallback_on"] = json!(AFTER_FILTER);
        }
    }
}

/// A name that a role may have.
fn role_name(name: &str) -> String {
    let sign = |sign: char| if sign.is_ascii_alphanumeric() || sign == '_' { sign } else { '-' };
    name.chars().map(sign).collect()
}
