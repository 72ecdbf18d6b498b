//! Reads the notation of the `.grammar` files into definitions. It knows no document.

use std::collections::HashMap;

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Anything.
    Any,
    /// Any object.
    FreeObject,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A whole number in a range.
    Integer(i64, i64),
    /// Text of at least and at most so many characters.
    Text(usize, usize),
    /// An absolute URI.
    Uri,
    /// An e-mail address.
    Email,
    /// A length of time such as `90s` or `1h30m`.
    Duration,
    /// One of the seven type names of JSON Schema.
    TypeName,
    /// This very word.
    Word(String),
    /// A Reference Object and nothing else.
    Reference,
    /// An object of this name.
    Named(String),
    /// An object of this name, or a Reference Object to one.
    OrReference(String),
    /// A list.
    List(Box<Self>),
    /// A map whose keys are free or restricted.
    Map(KeyNames, Box<Self>),
    /// One of several.
    Either(Vec<Self>),
    /// A payload schema in the language its neighbour `schemaFormat` names.
    Payload,
    /// A schema that describes an object.
    ObjectSchema,
}

/// Which keys a map may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNames {
    /// Any.
    Free,
    /// Letters, digits, `.`, `-` and `_`.
    Component,
    /// Letters, digits, `-` and `_`.
    Plain,
}

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Must it be there.
    pub required: bool,
    /// The minor version it came with; within bindings, of the bindings.
    pub since: u8,
    /// The last minor version that has it.
    pub until: u8,
    /// What it holds.
    pub shape: Shape,
    /// What it means, in a sentence; only fields of eddy's own have one.
    pub about: String,
}

impl Field {
    /// Whether a minor version has the field.
    #[must_use]
    pub fn is_in(&self, minor: u8) -> bool {
        (self.since..=self.until).contains(&minor)
    }
}

/// Fields that go together, or do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field it depends on.
    pub field: String,
    /// The minor version it came with.
    pub since: u8,
    /// It holds where the field is missing.
    pub absent: bool,
    /// The texts of that field for which it holds; none when it is enough that the field is there.
    pub texts: Vec<String>,
    /// The text the field is taken to have when it is not there.
    pub default: Option<String>,
    /// What becomes of the others.
    pub consequences: Vec<(Consequence, String)>,
}

/// What a condition asks of another field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// It must be there.
    With,
    /// It may not be there.
    Without,
    /// It means nothing.
    Ignores,
}

/// An object and its fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectDefinition {
    /// Its fields; a name stands twice when its shape changed between versions.
    pub fields: Vec<Field>,
    /// The shape of fields not listed, when any name will do.
    pub others: Option<Shape>,
    /// Other fields are let through unseen.
    pub open: bool,
    /// `true` and `false` will do as well.
    pub boolean: bool,
    /// An object without fields is right although some are required.
    pub or_empty: bool,
    /// Before this minor version anything goes.
    pub free_before: u8,
    /// The versions `bindingVersion` may name, oldest first; only bindings have some.
    pub versions: Vec<String>,
    /// Fields that go together, or do not.
    pub conditions: Vec<Condition>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// An object.
    Object(ObjectDefinition),
    /// One object when a field is there, another when not.
    Has {
        /// The field.
        field: String,
        /// The object when it is there.
        then: Shape,
        /// The object when it is not.
        otherwise: Shape,
    },
    /// The object is chosen by the text of a field; the cases are written as fields.
    Switch {
        /// The field.
        field: String,
        /// The texts and what they choose.
        cases: Vec<Field>,
    },
}

/// Reads a grammar into `definitions`; gives the lines it could not read, which a test keeps empty.
pub fn read(text: &str, definitions: &mut HashMap<String, Definition>) -> Vec<String> {
    let mut unread = Vec::new();
    let mut current: Option<String> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let understood = if line.starts_with(' ') {
            let definition = current.as_ref().and_then(|name| definitions.get_mut(name));
            definition.and_then(|definition| add_line(definition, line.trim()))
        } else {
            heading(line).map(|(name, definition)| {
                definitions.insert(name.clone(), definition);
                current = Some(name);
            })
        };
        if understood.is_none() {
            unread.push(line.to_owned());
        }
    }
    unread
}

fn heading(line: &str) -> Option<(String, Definition)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (name, rest) = words.split_first()?;
    let definition = match rest {
        ["has", field, then, "else", otherwise] => Definition::Has {
            field: (*field).to_owned(),
            then: Shape::Named((*then).to_owned()),
            otherwise: Shape::Named((*otherwise).to_owned()),
        },
        ["switch", field] => Definition::Switch { field: (*field).to_owned(), cases: Vec::new() },
        words => Definition::Object(object(words)?),
    };
    Some(((*name).to_owned(), definition))
}

fn object(words: &[&str]) -> Option<ObjectDefinition> {
    let mut object = ObjectDefinition::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "open" => object.open = true,
            "bool" => object.boolean = true,
            "or-empty" => object.or_empty = true,
            "before" => {
                object.free_before = words.next()?.parse().ok()?;
                (*words.next()? == "any").then_some(())?;
            }
            "versions" => object.versions = words.by_ref().map(|version| (*version).to_owned()).collect(),
            _ => return None,
        }
    }
    Some(object)
}

fn add_line(definition: &mut Definition, line: &str) -> Option<()> {
    let (head, rest) = line.split_once(' ')?;
    let condition_since = match head.strip_prefix("when") {
        Some("") => Some(0),
        Some(since) => since.strip_prefix('@').and_then(|since| since.parse().ok()),
        None => None,
    };
    match (definition, head) {
        (Definition::Object(object), _) if condition_since.is_some() => {
            object.conditions.push(condition(rest, condition_since?)?);
        }
        (Definition::Object(object), "*") => object.others = Some(shape_of(rest)?),
        (Definition::Object(object), _) => object.fields.push(field(head, rest)?),
        (Definition::Switch { cases, .. }, _) => cases.push(field(head, rest)?),
        (Definition::Has { .. }, _) => return None,
    }
    Some(())
}

fn field(head: &str, shape: &str) -> Option<Field> {
    let (head, versions) = head.split_once('@').unwrap_or((head, "0"));
    let (since, until) = match versions.split_once("..") {
        Some((since, until)) => (since.parse().ok()?, until.parse().ok()?),
        None => (versions.parse().ok()?, u8::MAX),
    };
    let required = head.ends_with('!');
    let name = head.trim_end_matches('!').to_owned();
    let (shape, about) = shape.split_once(" -- ").unwrap_or((shape, ""));
    Some(Field { name, required, since, until, shape: shape_of(shape)?, about: about.to_owned() })
}

fn condition(text: &str, since: u8) -> Option<Condition> {
    let mut words = text.split_whitespace();
    let (field, texts) = words.next().map(|word| word.split_once('=').unwrap_or((word, "")))?;
    let (field, absent) = field.strip_prefix('!').map_or((field, false), |field| (field, true));
    let texts: Vec<&str> = texts.split('|').filter(|text| !text.is_empty()).collect();
    let default = texts.iter().find_map(|text| text.strip_prefix('~')).map(str::to_owned);
    let mut consequences = Vec::new();
    while let Some(word) = words.next() {
        let consequence = match word {
            "with" => Consequence::With,
            "without" => Consequence::Without,
            "ignores" => Consequence::Ignores,
            _ => return None,
        };
        consequences.push((consequence, words.next()?.to_owned()));
    }
    let texts = texts.iter().map(|text| text.trim_start_matches('~').to_owned()).collect();
    let field = field.to_owned();
    (!consequences.is_empty()).then_some(Condition { field, since, absent, texts, default, consequences })
}

/// Reads a shape; `None` when it is not one.
fn shape_of(text: &str) -> Option<Shape> {
    let (shape, rest) = alternatives(text)?;
    rest.is_empty().then_some(shape)
}

fn alternatives(text: &str) -> Option<(Shape, &str)> {
    let (first, mut rest) = single(text)?;
    let mut all = vec![first];
    while let Some(after) = rest.strip_prefix('|') {
        let (next, left) = single(after)?;
        all.push(next);
        rest = left;
    }
    let shape = if all.len() == 1 { all.pop()? } else { Shape::Either(all) };
    Some((shape, rest))
}

fn single(text: &str) -> Option<(Shape, &str)> {
    if let Some(inner) = text.strip_prefix('[') {
        let (shape, rest) = alternatives(inner)?;
        return Some((Shape::List(Box::new(shape)), rest.strip_prefix(']')?));
    }
    if let Some(inner) = text.strip_prefix('{') {
        let (names, inner) = key_names(inner);
        let (shape, rest) = alternatives(inner)?;
        return Some((Shape::Map(names, Box::new(shape)), rest.strip_prefix('}')?));
    }
    if let Some(inner) = text.strip_prefix('\'') {
        let (word, rest) = inner.split_once('\'')?;
        return Some((Shape::Word(word.to_owned()), rest));
    }
    if let Some(inner) = text.strip_prefix('&') {
        let (name, rest) = word(inner);
        return Some((Shape::OrReference(name.to_owned()), rest));
    }
    let (name, rest) = word(text);
    let (range, rest) = match rest.strip_prefix('(') {
        Some(inner) => {
            let (range, rest) = inner.split_once(')')?;
            (Some(range.split_once("..")?), rest)
        }
        None => (None, rest),
    };
    Some((named(name, range)?, rest))
}

fn key_names(inner: &str) -> (KeyNames, &str) {
    let kinds = [
        ("component ", KeyNames::Component),
        ("server-name ", KeyNames::Plain),
        ("parameter-name ", KeyNames::Plain),
    ];
    let found = kinds.iter().find_map(|(word, names)| Some((*names, inner.strip_prefix(word)?)));
    found.unwrap_or((KeyNames::Free, inner))
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(text.len());
    text.split_at(end)
}

fn named(name: &str, range: Option<(&str, &str)>) -> Option<Shape> {
    let bound = |text: &str, open: i64| if text.is_empty() { Some(open) } else { text.parse().ok() };
    let (low, high) = match range {
        Some((low, high)) => (bound(low, i64::MIN)?, bound(high, i64::MAX)?),
        None => (i64::MIN, i64::MAX),
    };
    Some(match name {
        "any" => Shape::Any,
        "object" => Shape::FreeObject,
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "number" => Shape::Number,
        "integer" => Shape::Integer(low, high),
        "string" => {
            Shape::Text(usize::try_from(low).unwrap_or(0), usize::try_from(high).unwrap_or(usize::MAX))
        }
        "uri" => Shape::Uri,
        "email" => Shape::Email,
        "duration" => Shape::Duration,
        "type-name" => Shape::TypeName,
        "ref" => Shape::Reference,
        "payload" => Shape::Payload,
        "object-schema" => Shape::ObjectSchema,
        other if other.starts_with(|c: char| c.is_ascii_uppercase()) => Shape::Named(other.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_read_as_written() {
        assert_eq!(
            shape_of("string|null"),
            Some(Shape::Either(vec![Shape::Text(0, usize::MAX >> 1), Shape::Null]))
        );
        assert_eq!(shape_of("integer(1..)"), Some(Shape::Integer(1, i64::MAX)));
        let servers = Shape::Map(KeyNames::Plain, Box::new(Shape::OrReference("Server".to_owned())));
        assert_eq!(shape_of("{server-name &Server}"), Some(servers));
        let one_to_nine = Some(Shape::Text(1, 9));
        assert_eq!(shape_of("string(1..9)"), one_to_nine);
        assert_eq!(shape_of("integer(1..) x"), None);
        assert_eq!(shape_of("nothing-known"), None);
    }

    #[test]
    fn objects_of_bindings_have_versions_and_conditions() {
        let text = "Mq versions 0.1.0 0.2.0\n  is 'queue'|'key'\n  old@1..1 string\n  when is=~key|other with a without b\n";
        let mut definitions = HashMap::new();
        assert_eq!(read(text, &mut definitions), Vec::<String>::new());
        let Some(Definition::Object(object)) = definitions.get("Mq") else { panic!("an object") };
        assert_eq!(object.versions, ["0.1.0", "0.2.0"]);
        assert!(object.fields[1].is_in(1) && !object.fields[1].is_in(2));
        let condition = &object.conditions[0];
        assert_eq!((condition.field.as_str(), condition.default.as_deref()), ("is", Some("key")));
        assert_eq!(condition.texts, ["key", "other"]);
        let consequences = [(Consequence::With, "a".to_owned()), (Consequence::Without, "b".to_owned())];
        assert_eq!(condition.consequences, consequences);
    }
}
