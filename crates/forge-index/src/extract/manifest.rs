//! The name of a package in its manifest.

use crate::{
    facts::{Def, Facts},
    kind::Kind,
};

/// The one definition of a manifest: the package. Only the name is looked for, by its line.
pub(super) fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    if let Some((line, name)) = named(text) {
        let number = facts.name(name);
        facts.defs.push(Def {
            name: number,
            kind: Kind::Package,
            lines: (line, line),
            parent: None,
            owner: None,
            is_test: false,
            signature: name.to_owned(),
            doc: String::new(),
        });
    }
    facts
}

fn named(text: &str) -> Option<(u32, &str)> {
    // TOML has sections, of which one names the package; JSON has the name at its outermost level, which comes first.
    let mut in_package = !text.contains("[package]");
    (1..).zip(text.lines()).find_map(|(number, line)| {
        let line = line.trim();
        if line.starts_with('[') {
            in_package = line == "[package]";
        }
        let go = line.strip_prefix("module ").map(str::trim);
        let toml = line.strip_prefix("name").filter(|_| in_package);
        let toml = toml.and_then(|rest| quoted(rest.trim_start().strip_prefix('=')?));
        let json = line.trim_start_matches('{').trim_start().strip_prefix("\"name\"");
        let json = json.and_then(|rest| quoted(rest.trim_start().strip_prefix(':')?));
        let name = go.or(toml).or(json)?;
        (!name.is_empty()).then_some((number, name))
    })
}

fn quoted(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_named_where_its_kind_of_manifest_names_it() {
        for (text, expected) in [
            ("[workspace]\nname = \"no\"\n[package]\nname = \"forge-core\"\n", Some((4, "forge-core"))),
            ("{\n  \"private\": true,\n  \"name\": \"@org/app\",\n", Some((3, "@org/app"))),
            ("module example.com/app\n\ngo 1.24\n", Some((1, "example.com/app"))),
            ("[workspace]\nmembers = []\n", None),
            ("{}", None),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }
}
