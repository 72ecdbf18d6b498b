//! Text with `{{ }}` into text: strict, bounded, and without any way out of the template's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, ErrorKind, State, UndefinedBehavior, Value};

use super::error::ScaffoldError;
use super::identifiers::{IdentifierKind, Language, identifier};
use super::source_code::{literal, plain_json, steers};
use super::words;
use crate::diagnostic::nearest;

/// Instructions one file may take to render.
const FUEL: u64 = 5_000_000;
/// Instructions all of a project may take together. A contract of 500 operations with 1,000 messages stays below it in Go,
/// Python and Rust, and what runs away ends after half a second of a processor.
const ALL_FUEL: u64 = 30_000_000;
/// Bytes one file may become.
const MAX_OUTPUT: usize = 8 << 20;
/// The directory of texts that are included, never written.
pub const PARTIALS: &str = "_partials/";

/// What a text is rendered with: names and their values.
#[derive(Clone, Debug, Default)]
pub struct Context {
    names: BTreeMap<String, Value>,
}

impl Context {
    /// Sets a name.
    pub fn set(&mut self, name: &str, value: &serde_json::Value) {
        self.names.insert(name.to_owned(), Value::from(Serde(value)));
    }

    /// The same names and one more.
    #[must_use]
    fn with(&self, name: &str, value: Value) -> Self {
        let mut names = self.names.clone();
        names.insert(name.to_owned(), value);
        Self { names }
    }

    fn value(&self) -> Value {
        Value::from(self.names.clone())
    }
}

/// Renders the texts of one template.
#[derive(Debug)]
pub struct Engine {
    environment: Environment<'static>,
    /// Instructions taken so far.
    spent: AtomicU64,
}

impl Engine {
    /// An engine that can include these partials (by path) and nothing else.
    #[must_use]
    pub fn new(partials: BTreeMap<String, String>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_syntax(syntax());
        environment.set_fuel(Some(FUEL));
        environment.set_debug(true);
        environment.set_formatter(write_value);
        environment.set_loader(move |name| Ok(partials.get(name).cloned()));
        add_filters(&mut environment);
        Self { environment, spent: AtomicU64::new(0) }
    }

    /// Renders a text that is called `name` in messages.
    ///
    /// # Errors
    /// With file and line when the text is wrong, names what is unknown, or passes a limit.
    pub fn render(&self, name: &str, text: &str, context: &Context) -> Result<String, ScaffoldError> {
        let fail = |error: &minijinja::Error| self.explain(name, text, error, context);
        let template = self.environment.template_from_named_str(name, text).map_err(|error| fail(&error))?;
        let mut output = Bounded { bytes: Vec::new() };
        let captured = template.render_captured_to(context.value(), &mut output);
        let captured = captured.map_err(|error| fail(&error))?;
        let (steps, _) = captured.state().fuel_levels().unwrap_or_default();
        if self.spent.fetch_add(steps, Ordering::Relaxed) + steps > ALL_FUEL {
            return Err(ScaffoldError::Render {
                place: name.to_owned(),
                message: "the project takes too many steps to render".to_owned(),
                help: None,
            });
        }
        String::from_utf8(output.bytes).map_err(|_| ScaffoldError::Render {
            place: name.to_owned(),
            message: "the result is not UTF-8".to_owned(),
            help: None,
        })
    }

    /// Is an expression true.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn holds(&self, name: &str, expression: &str, context: &Context) -> Result<bool, ScaffoldError> {
        Ok(self.evaluate(name, expression, context)?.is_true())
    }

    /// One context per item of `LIST as NAME`.
    ///
    /// # Errors
    /// As [`Self::render`], and when the list is none.
    pub fn each(&self, name: &str, each: &str, context: &Context) -> Result<Vec<Context>, ScaffoldError> {
        let (list, item_name) = each.rsplit_once(" as ").unwrap_or((each, "item"));
        let list = self.evaluate(name, list, context)?;
        let items = list.try_iter().map_err(|error| self.explain(name, each, &error, context))?;
        Ok(items.map(|item| context.with(item_name.trim(), item)).collect())
    }

    /// The names a text uses and does not set itself.
    ///
    /// # Errors
    /// With file and line when the text is wrong.
    pub fn names_in(&self, name: &str, text: &str) -> Result<BTreeSet<String>, ScaffoldError> {
        let template = self.environment.template_from_named_str(name, text);
        let template = template.map_err(|error| self.explain(name, text, &error, &Context::default()))?;
        Ok(template.undeclared_variables(false).into_iter().collect())
    }

    /// The names an expression uses.
    ///
    /// # Errors
    /// As [`Self::names_in`].
    pub fn names_in_expression(
        &self,
        name: &str,
        expression: &str,
    ) -> Result<BTreeSet<String>, ScaffoldError> {
        let compiled = self.environment.compile_expression(expression);
        let compiled =
            compiled.map_err(|error| self.explain(name, expression, &error, &Context::default()))?;
        Ok(compiled.undeclared_variables(false).into_iter().collect())
    }

    fn evaluate(&self, name: &str, expression: &str, context: &Context) -> Result<Value, ScaffoldError> {
        let fail = |error: &minijinja::Error| self.explain(name, expression, error, context);
        let compiled = self.environment.compile_expression(expression).map_err(|error| fail(&error))?;
        compiled.eval(context.value()).map_err(|error| fail(&error))
    }

    fn explain(&self, name: &str, text: &str, error: &minijinja::Error, context: &Context) -> ScaffoldError {
        let error = innermost(error);
        let file = error.name().filter(|file| *file != "<expression>").unwrap_or(name);
        let place = error.line().map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
        let source = error.template_source().unwrap_or(text);
        let named = error.range().and_then(|range| source.get(range)).map(str::trim);
        let (message, help) = match (error.kind(), named) {
            (ErrorKind::UndefinedError, Some(named)) => {
                (format!("`{named}` is not defined"), self.nearest_name(named, context))
            }
            (ErrorKind::OutOfFuel, _) => ("it takes too many steps to render".to_owned(), None),
            (ErrorKind::WriteFailure, _) => {
                (format!("it becomes larger than {} MiB", MAX_OUTPUT >> 20), None)
            }
            _ => (error.detail().map_or_else(|| error.kind().to_string(), str::to_owned), None),
        };
        ScaffoldError::Render { place, message, help }
    }

    /// The name nearest to the last part of a dotted name, among the keys of what stands before it.
    fn nearest_name(&self, named: &str, context: &Context) -> Option<String> {
        let (parent, wrong) =
            named.rsplit_once('.').map_or((None, named), |(parent, wrong)| (Some(parent), wrong));
        let owner = match parent {
            None => context.value(),
            Some(parent) => self.environment.compile_expression(parent).ok()?.eval(context.value()).ok()?,
        };
        let keys: Vec<String> = owner.try_iter().ok()?.map(|key| key.to_string()).collect();
        match nearest(wrong, keys.iter().map(String::as_str)) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if keys.len() <= 20 => Some(format!("there are {}", keys.join(", "))),
            None => None,
        }
    }
}

/// Blocks may stand on lines of their own; the delimiters are the usual ones, so building cannot fail.
fn syntax() -> SyntaxConfig {
    let mut builder = SyntaxConfig::builder();
    builder.keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default()
}

/// The error in the included text, when an include failed.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let mut found = error;
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        found = source.downcast_ref().unwrap_or(found);
        next = source.source();
    }
    found
}

/// Truth is written `true` and `false`, as in every language templates are likely to write.
fn write_value(
    output: &mut minijinja::Output,
    state: &mut State,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if value.kind() == ValueKind::Bool {
        output.write_str(if value.is_true() { "true" } else { "false" })?;
        return Ok(());
    }
    minijinja::escape_formatter(output, state, value)
}

/// A writer that stops at [`MAX_OUTPUT`].
struct Bounded {
    bytes: Vec<u8>,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn add_filters(environment: &mut Environment<'static>) {
    environment.add_filter("kebab", |text: &str| words::kebab(text));
    environment.add_filter("snake", |text: &str| words::snake(text));
    environment.add_filter("pascal", |text: &str| words::pascal(text));
    environment.add_filter("camel", |text: &str| words::camel(text));
    environment.add_filter("screaming", |text: &str| words::screaming(text));
    environment.add_filter("title", |text: &str| words::title(text));
    environment.add_filter("plural", |text: &str| words::plural(text));
    environment.add_filter("ident", ident);
    environment.add_filter("rust_str", |text: &str| format!("{text:?}"));
    environment.add_filter("toml_str", |text: &str| json_string(text));
    environment.add_filter("yaml_str", |text: &str| json_string(text));
    environment.add_filter("literal", |text: &str| literal(text));
    environment.add_filter("one_line", one_line);
}

/// `name | ident("rust")` for a value, `name | ident("rust", "type")` for a type.
fn ident(name: &str, language: &str, kind: Option<&str>) -> Result<String, minijinja::Error> {
    let refuse = |message: String| minijinja::Error::new(ErrorKind::InvalidOperation, message);
    let languages = || Language::ALL.map(Language::name).join(", ");
    let known = Language::named(language)
        .ok_or_else(|| refuse(format!("ident knows {}, not `{language}`", languages())))?;
    let wanted = kind.unwrap_or("value");
    let kind = IdentifierKind::NAMES.iter().find(|(name, _)| *name == wanted).map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| {
        let names = IdentifierKind::NAMES.map(|(name, _)| name).join(", ");
        refuse(format!("ident makes one of {names}, not a `{wanted}`"))
    })?;
    Ok(identifier(name, kind, known))
}

/// A JSON string is a YAML double-quoted scalar and a TOML basic string; TOML also wants DEL escaped.
fn json_string(text: &str) -> String {
    plain_json(&serde_json::Value::from(text).to_string())
}

/// Text made safe to stand in one line of a comment, or of a Python docstring that it does not end.
fn one_line(text: &str) -> String {
    let inert = |letter: char| if steers(letter) { ' ' } else { letter };
    // First what becomes a slash: it could end a comment.
    let plain = text.replace('\\', "/").replace("*/", "* /").replace("\"\"\"", "\" \" \"");
    let plain: String = plain.chars().map(inert).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        let mut context = Context::default();
        context.set("service_name", &"shop \"x\"".into());
        context.set("contract", &serde_json::json!({ "title": "Shop", "version": "1" }));
        context.set("sends", &serde_json::json!([{ "id": "a" }, { "id": "b" }]));
        context
    }

    fn render(text: &str) -> Result<String, ScaffoldError> {
        Engine::new(BTreeMap::from([("_partials/a".to_owned(), "in{{ nothing }}".to_owned())])).render(
            "src/x.rs.j2",
            text,
            &context(),
        )
    }

    fn refusal(text: &str) -> (String, Option<String>) {
        let error = render(text).expect_err("refused");
        (error.to_string(), error.help())
    }

    #[test]
    fn filters_write_names_and_literals() {
        assert_eq!(render("{{ 'placed-at' | ident('rust') }}").expect("renders"), "placed_at");
        assert_eq!(render("{{ '1-click' | ident('rust', 'type') }}").expect("renders"), "Value1Click");
        assert_eq!(render("{{ service_name | rust_str }}").expect("renders"), r#""shop \"x\"""#);
        assert_eq!(render("{{ 'a\n*/ *\\\\ \"\"\"' | one_line }}").expect("renders"), "a * / * / \" \" \"");
        assert_eq!(render("{{ 'a\u{202e}b' | one_line }}").expect("renders"), "a b");
        assert_eq!(render("{{ 'a\u{202e}b' | yaml_str }}").expect("renders"), r#""a\u202eb""#);
        assert_eq!(render("{{ service_name | toml_str }}\n").expect("renders"), "\"shop \\\"x\\\"\"\n");
    }

    #[test]
    fn an_undefined_name_has_a_place_and_a_suggestion() {
        let (message, help) = refusal("a\n{{ servce_name }}");
        assert_eq!(message, "src/x.rs.j2:2: `servce_name` is not defined");
        assert_eq!(help.as_deref(), Some("did you mean `service_name`?"));
        let (message, help) = refusal("{{ contract.titel }}");
        assert_eq!(message, "src/x.rs.j2:1: `contract.titel` is not defined");
        assert_eq!(help.as_deref(), Some("did you mean `title`?"));
    }

    #[test]
    fn a_partial_is_named_in_its_own_errors_and_the_disk_is_out_of_reach() {
        assert!(refusal("\n{% include '_partials/a' %}").0.starts_with("_partials/a:1:"));
        assert!(refusal("{% include '/etc/hostname' %}").0.contains("/etc/hostname"));
        assert!(refusal("{% include '../Cargo.toml' %}").0.contains("../Cargo.toml"));
    }

    #[test]
    fn loops_and_sizes_are_bounded() {
        let (message, _) =
            refusal("{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}");
        assert!(message.contains("too many steps") || message.contains("larger than"), "{message}");
    }

    #[test]
    fn each_gives_a_context_per_item() {
        let engine = Engine::new(BTreeMap::new());
        let contexts = engine.each("files", "sends as op", &context()).expect("a list");
        let ids: Vec<String> =
            contexts.iter().map(|one| engine.render("n", "{{ op.id }}", one).expect("renders")).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}
