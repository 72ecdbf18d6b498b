//! Answers to a template's questions: given, asked or by default, checked, in the order of the manifest.

use serde_json::{Map, Value};

use super::engine::{Context, Engine};
use super::error::ScaffoldError;
use super::manifest::{MANIFEST, Manifest, Variable, VariableKind, is_escape};

/// Most letters of a refused answer that are shown.
const MAX_SHOWN: usize = 200;
/// Most bytes of one answer.
const MAX_ANSWER: usize = 64 << 10;

/// One question as it is put to a person.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The variable.
    pub name: &'a str,
    /// Its kind, choices and check.
    pub variable: &'a Variable,
    /// The answer when only Enter is pressed.
    pub default: Option<Value>,
}

impl Question<'_> {
    /// The words to ask with.
    #[must_use]
    pub fn words(&self) -> &str {
        self.variable.question(self.name)
    }

    /// What is wrong with an answer as it was typed, if anything.
    #[must_use]
    pub fn fault(&self, answer: &str) -> Option<String> {
        fault(self.variable, &coerce(self.variable.kind, answer.into()))
    }
}

/// Puts a question to a person; `None` means there is nobody to ask.
///
/// `Err(())` means the person broke off.
pub type Ask<'a> = dyn FnMut(&Question<'_>) -> Result<Option<Value>, ()> + 'a;

/// Where answers come from, in this order: given, asked, default.
pub struct AnswerSources<'a> {
    /// Those given in a file and by flags.
    pub given: Map<String, Value>,
    /// Whether defaults hold without asking.
    pub defaults: bool,
    /// How to ask.
    pub ask: &'a mut Ask<'a>,
}

/// Every variable with its value, also put into the context.
///
/// # Errors
/// When an answer is missing, refused, or belongs to no question.
pub fn resolve(
    manifest: &Manifest,
    engine: &Engine,
    context: &mut Context,
    mut sources: AnswerSources<'_>,
) -> Result<Map<String, Value>, ScaffoldError> {
    refuse_unknown(manifest, &sources.given)?;
    let mut answers = Map::new();
    for (name, variable) in &manifest.variables {
        let value = match &variable.compute {
            Some(text) => Value::from(engine.render(&place(name, "compute"), text, context)?),
            None => answer(name, variable, engine, context, &mut sources)?,
        };
        context.set(name, &value);
        answers.insert(name.clone(), value);
    }
    Ok(answers)
}

fn answer(
    name: &str,
    variable: &Variable,
    engine: &Engine,
    context: &Context,
    sources: &mut AnswerSources<'_>,
) -> Result<Value, ScaffoldError> {
    let default = default_of(name, variable, engine, context)?;
    let applies = match &variable.when {
        Some(expression) => engine.holds(&place(name, "when"), expression, context)?,
        None => true,
    };
    let found = match sources.given.get(name) {
        Some(given) => Some(given.clone()),
        None if !applies || sources.defaults => default,
        None => {
            let question = Question { name, variable, default: default.clone() };
            (sources.ask)(&question).map_err(|()| ScaffoldError::Interrupted { variable: name.to_owned() })?
        }
    };
    let Some(found) = found else {
        let prompt = variable.question(name).to_owned();
        return Err(ScaffoldError::MissingAnswer { variable: name.to_owned(), prompt });
    };
    let value = coerce(variable.kind, found);
    if value.as_str().is_some_and(has_secret) {
        return Err(ScaffoldError::SecretAnswer { variable: name.to_owned() });
    }
    match fault(variable, &value) {
        None => Ok(value),
        Some(message) => {
            let answer = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let answer = answer.chars().map(|letter| if is_escape(letter) { '\u{fffd}' } else { letter });
            let answer = answer.take(MAX_SHOWN).collect();
            Err(ScaffoldError::BadAnswer { variable: name.to_owned(), answer, message })
        }
    }
}

fn default_of(
    name: &str,
    variable: &Variable,
    engine: &Engine,
    context: &Context,
) -> Result<Option<Value>, ScaffoldError> {
    match &variable.default {
        Some(Value::String(text)) if text.contains("{{") || text.contains("{%") => {
            let rendered = engine.render(&place(name, "default"), text, context)?;
            Ok(Some(coerce(variable.kind, Value::from(rendered))))
        }
        other => Ok(other.clone()),
    }
}

fn place(name: &str, key: &str) -> String {
    format!("{MANIFEST} variables.{name}.{key}")
}

/// Flags and prompts give text; a text that is exactly a value of the kind becomes it.
fn coerce(kind: VariableKind, value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    match (kind, text.trim()) {
        (VariableKind::Bool, "true" | "yes" | "y") => Value::Bool(true),
        (VariableKind::Bool, "false" | "no" | "n") => Value::Bool(false),
        (VariableKind::Int, digits) => digits.parse::<i64>().map_or(value, Value::from),
        _ => value,
    }
}

fn fault(variable: &Variable, value: &Value) -> Option<String> {
    let choices = || variable.choices.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    let of_kind = match variable.kind {
        VariableKind::String => fault_of_text(value).map_or(Ok(()), Err),
        VariableKind::Bool => {
            value.is_boolean().then_some(()).ok_or("it must be `true` or `false`".to_owned())
        }
        VariableKind::Int => value.as_i64().map(|_| ()).ok_or("it must be a whole number".to_owned()),
        VariableKind::Choice => value
            .as_str()
            .filter(|text| variable.choices.iter().any(|choice| choice == text))
            .map(|_| ())
            .ok_or_else(|| format!("it must be one of {}", choices())),
    };
    of_kind.err().or_else(|| fault_of_check(variable, value))
}

fn fault_of_text(value: &Value) -> Option<String> {
    let Some(text) = value.as_str() else { return Some("it must be text".to_owned()) };
    if text.len() > MAX_ANSWER {
        return Some(format!("it must have at most {MAX_ANSWER} bytes"));
    }
    let is_bad = |letter: char| is_escape(letter) && letter != '\n' && letter != '\t';
    text.chars().any(is_bad).then(|| "it must not have control characters".to_owned())
}

/// Whether a text has something in it that only its owner should know: answers are written into the lock.
fn has_secret(text: &str) -> bool {
    let in_address = text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.split_once(':').is_some_and(|(_, word)| !word.is_empty()))
    });
    let is_token = |word: &str| {
        ["ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_", "AKIA"]
            .iter()
            .any(|start| word.strip_prefix(start).is_some_and(|rest| rest.len() >= 16))
    };
    in_address
        || text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----")
        || text.split(|letter: char| letter.is_whitespace() || "'\"=,".contains(letter)).any(is_token)
}

fn fault_of_check(variable: &Variable, value: &Value) -> Option<String> {
    let check = variable.check.as_ref()?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mismatch = check.matches.as_ref().and_then(|pattern| {
        let whole = regex::Regex::new(&format!("^(?:{pattern})$")).ok()?;
        (!whole.is_match(&text)).then(|| format!("it must match `{pattern}`"))
    });
    let stranger = check.one_of.as_ref().and_then(|allowed| {
        let list = allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        (!allowed.contains(value)).then(|| format!("it must be one of {list}"))
    });
    let found = mismatch.or(stranger)?;
    Some(check.message.clone().unwrap_or(found))
}

fn refuse_unknown(manifest: &Manifest, given: &Map<String, Value>) -> Result<(), ScaffoldError> {
    let asked = || manifest.variables.iter().filter(|(_, variable)| variable.compute.is_none());
    match given.keys().find(|name| !asked().any(|(known, _)| known == *name)) {
        None => Ok(()),
        Some(name) => Err(ScaffoldError::UnknownAnswer {
            name: name.clone(),
            known: asked().map(|(known, _)| known.clone()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const QUESTIONS: &str = "format: 1\nname: x\nversion: 1.0.0\ndescription: X\nvariables:\n  \
        name: { prompt: The name, check: { matches: '[a-z-]+', message: small letters only } }\n  \
        broker: { type: choice, choices: [mqtt, nats], default: nats }\n  \
        port: { type: int, default: '{{ 4222 if broker == \"nats\" else 1883 }}' }\n  \
        tls: { type: bool, default: false, when: \"broker == 'mqtt'\" }\n  \
        crate: { compute: '{{ name | snake }}' }\n";

    fn resolved(
        given: Value,
        defaults: bool,
        ask: &mut Ask<'_>,
    ) -> Result<Map<String, Value>, ScaffoldError> {
        let manifest = Manifest::read("x", QUESTIONS).expect("reads");
        let Value::Object(given) = given else { panic!("an object") };
        let engine = Engine::new(BTreeMap::new());
        // The closure's lifetime is that of the sources; a second borrow keeps the caller's free.
        let mut ask = |question: &Question<'_>| ask(question);
        resolve(&manifest, &engine, &mut Context::default(), AnswerSources { given, defaults, ask: &mut ask })
    }

    #[expect(clippy::unnecessary_wraps, reason = "it has the shape of every asker")]
    fn nobody(_: &Question<'_>) -> Result<Option<Value>, ()> {
        Ok(None)
    }

    #[test]
    fn given_answers_come_before_defaults_and_computed_values_follow() {
        let answers = resolved(
            serde_json::json!({ "name": "my-shop", "broker": "mqtt", "tls": "yes" }),
            true,
            &mut nobody,
        );
        let answers = Value::Object(answers.expect("resolves"));
        assert_eq!(
            answers,
            serde_json::json!({ "name": "my-shop", "broker": "mqtt", "port": 1883, "tls": true, "crate": "my_shop" })
        );
    }

    #[test]
    fn a_missing_answer_is_named_with_the_ways_to_give_it() {
        let error = resolved(serde_json::json!({}), true, &mut nobody).expect_err("no name");
        assert_eq!(error.to_string(), "`name` has no answer (The name)");
        assert!(error.help().is_some_and(|help| help.contains("--set name=") && help.contains("--answers")));
    }

    #[test]
    fn answers_are_checked_and_strangers_refused() {
        let message = |given| resolved(given, true, &mut nobody).expect_err("refused").to_string();
        assert_eq!(message(serde_json::json!({ "name": "A" })), "`name` cannot be `A`: small letters only");
        assert!(
            message(serde_json::json!({ "name": "a", "broker": "kafka" })).contains("one of `mqtt`, `nats`")
        );
        assert!(message(serde_json::json!({ "name": "a", "port": "x" })).contains("whole number"));
        let error = resolved(serde_json::json!({ "nane": "a" }), true, &mut nobody).expect_err("refused");
        assert_eq!(error.help().as_deref(), Some("did you mean `name`?"));
    }

    #[test]
    fn only_questions_that_apply_are_asked() {
        let mut asked = Vec::new();
        let mut ask = |question: &Question<'_>| {
            asked.push(question.name.to_owned());
            Ok(question.default.clone().or_else(|| Some("shop".into())))
        };
        resolved(serde_json::json!({}), false, &mut ask).expect("resolves");
        assert_eq!(asked, ["name", "broker", "port"]);
    }
}
