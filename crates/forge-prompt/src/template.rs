//! Templates under limits.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::Path,
};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde,
};
use serde::{Serialize, Serializer};

/// Steps that one template may take: more than thousands of list items need, and over in a moment.
const FUEL: u64 = 2_000_000;

/// The most bytes of one rendered template.
const MAX_RENDERED: usize = 16 * 1024 * 1024;

/// Bytes of a rendered template for which there is room from the beginning.
const USUAL: usize = 16 * 1024;

/// A prompt template cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("prompt template `{name}` is wrong")]
#[non_exhaustive]
pub struct PromptError {
    /// The name of the template, or the path of its file.
    pub name: String,
    /// What is wrong with it.
    #[source]
    pub source: Error,
}

impl PromptError {
    /// There is no use for a template of this name, or no such template; `message` says why.
    pub fn unknown(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), source: Error::new(ErrorKind::TemplateNotFound, message.into()) }
    }

    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        let source = Error::new(ErrorKind::TemplateNotFound, "cannot be read").with_source(error);
        Self { name: path.display().to_string(), source }
    }

    /// Templates with mistakes, which `message` tells.
    pub(crate) fn mistaken(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), source: Error::new(ErrorKind::SyntaxError, message.into()) }
    }

    /// A template that is wrong by itself, or values that do not fit it; `message` says why.
    pub(crate) fn wrong(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), source: Error::new(ErrorKind::InvalidOperation, message.into()) }
    }
}

/// Values that several templates are rendered with. They are taken over once, and all renderings share them.
#[derive(Debug, Clone)]
pub struct Values(Value);

impl Values {
    /// The same values in the form that templates read.
    pub fn of(values: &impl Serialize) -> Self {
        Self(Value::from(Serde(values)))
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A set of templates in the syntax of Jinja.
///
/// Undefined names are errors, nothing is escaped, and a template may take only so many steps and render at most
/// 16 MiB. Values are data: what looks like a template in them stays as it is. Templates reach the other ones of their set
/// with `include`, and no file and no network.
#[derive(Debug, Clone)]
pub struct Templates {
    environment: Environment<'static>,
    names: BTreeSet<String>,
}

impl Templates {
    /// The templates with these names and texts. Of two with one name, the later counts, so that replacements follow
    /// the built-in ones.
    ///
    /// # Errors
    /// A template that does not parse.
    pub fn new<N: Into<String>, T: Into<String>>(
        texts: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, PromptError> {
        let mut environment = environment().map_err(|source| PromptError { name: "all".into(), source })?;
        let mut names = BTreeSet::new();
        for (name, text) in texts {
            let name = name.into();
            let added = environment.add_template_owned(name.clone(), text.into());
            added.map_err(|source| PromptError { name: name.clone(), source })?;
            names.insert(name);
        }
        Ok(Self { environment, names })
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The text of a template with these values, without white space at its end.
    ///
    /// # Errors
    /// No such template; a value that it does not have; too many steps, or too much text.
    pub fn render(&self, name: &str, values: &impl Serialize) -> Result<String, PromptError> {
        // Steps alone do not bound it: one step can write a long value.
        let mut text = Capped(Vec::with_capacity(USUAL));
        let rendered = self
            .environment
            .get_template(name)
            .and_then(|template| template.render_captured_to(Serde(values), &mut text).map(drop));
        rendered.map_err(|source| PromptError { name: name.to_owned(), source })?;
        // It was written as text. Looked through as a whole, it takes less than character by character.
        let mut text = String::from_utf8(text.0)
            .unwrap_or_else(|other| String::from_utf8_lossy(other.as_bytes()).into_owned());
        text.truncate(text.trim_end().len());
        Ok(text)
    }
}

/// Limits and syntax of every template.
fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    // Templates come from users' folders: one that never ends must not hang a session.
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Prompts are text for models; escaping for HTML would change what they quote.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // Lines that only hold a tag leave no blank line in the prompt.
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    Ok(environment)
}

/// The names that a template takes from its values, without those that it sets itself and those that every template has.
/// The error of one that does not parse has its line.
pub(crate) fn names_in(name: &str, text: &str) -> Result<BTreeSet<String>, Error> {
    let mut environment = environment()?;
    environment.add_template_owned(name.to_owned(), text.to_owned())?;
    let taken = environment.get_template(name)?.undeclared_variables(false);
    let known: BTreeSet<&str> = environment.globals().map(|(name, _)| name).collect();
    Ok(taken.into_iter().filter(|name| !known.contains(name.as_str())).collect())
}

/// Bytes up to the most that a template may render.
struct Capped(Vec<u8>);

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_RENDERED {
            return Err(io::Error::other(format!("it renders more than {MAX_RENDERED} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_data_and_the_later_template_counts() {
        let templates = Templates::new([("a", "old"), ("b", "{{ x }}"), ("a", "{{ x }} & {{ x }}\n")]);
        let templates = templates.unwrap();
        let rendered = templates.render("a", &json!({"x": "<{{ y }}>"})).unwrap();
        assert_eq!(rendered, "<{{ y }}> & <{{ y }}>");
        assert_eq!(templates.names().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn an_error_names_the_template() {
        assert_eq!(Templates::new([("a", "{% if %}")]).unwrap_err().name, "a");
        let templates = Templates::new([
            ("undefined", "{{ y }}"),
            (
                "endless",
                "{% for i in range(100000) %}{% for j in range(100000) %}{{ j }}{% endfor %}{% endfor %}",
            ),
            ("huge", "{% for i in range(100000) %}{{ 'x' * 1000000 }}{% endfor %}"),
        ]);
        let templates = templates.unwrap();
        for name in ["undefined", "endless", "huge", "missing"] {
            let error = templates.render(name, &json!({})).unwrap_err();
            assert_eq!(error.to_string(), format!("prompt template `{name}` is wrong"));
        }
    }
}
