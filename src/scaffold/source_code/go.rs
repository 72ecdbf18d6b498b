//! Types as Go source with `encoding/json` and no other package: what must be there is missed, a union takes the first branch that fits.
//!
//! It needs `bytes`, `encoding/json`, `errors`, `fmt` and `sort` to be imported.

use super::super::identifiers::{IdentifierKind, Language, identifier};
use super::super::types::{Definition, Field, REST, Shape, Type, Types};
use super::{any, literal, push_comment, push_line};

/// What the methods of all types share.
const SUPPORT: &str = r#"
// presence says whether a field may be missing or null.
type presence int

const (
	required presence = iota
	nullable
	optional
)

// field is one field by its name in the contract and the place of its value.
type field struct {
	name     string
	value    any
	presence presence
}

// others takes what no field names; nil lets it go.
type others interface {
	take(name string, data json.RawMessage) error
}

// noOthers refuses what no field names.
type noOthers struct{}

func (noOthers) take(name string, _ json.RawMessage) error {
	return fmt.Errorf("%q is no field", name)
}

// keptOthers keeps what no field names.
type keptOthers[T any] struct{ kept *map[string]T }

func (others keptOthers[T]) take(name string, data json.RawMessage) error {
	var value T
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	if *others.kept == nil {
		*others.kept = map[string]T{}
	}
	(*others.kept)[name] = value
	return nil
}

func readObject(data []byte, others others, fields []field) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	if members == nil {
		return errors.New("null is no object")
	}
	for _, field := range fields {
		member, found := members[field.name]
		delete(members, field.name)
		isNull := bytes.Equal(bytes.TrimSpace(member), []byte("null"))
		switch {
		case !found && field.presence == optional:
			continue
		case !found:
			return fmt.Errorf("%q is missing", field.name)
		case isNull && field.presence == required:
			return fmt.Errorf("%q is null", field.name)
		}
		if err := json.Unmarshal(member, field.value); err != nil {
			return fmt.Errorf("%q: %w", field.name, err)
		}
	}
	if others == nil {
		return nil
	}
	for name, member := range members {
		if err := others.take(name, member); err != nil {
			return err
		}
	}
	return nil
}

func writeObject(others map[string]any, fields []field) ([]byte, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	write := func(name string, value any, presence presence) error {
		data, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if presence == optional && bytes.Equal(data, []byte("null")) {
			return nil
		}
		if text.Len() > 1 {
			text.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		text.Write(key)
		text.WriteByte(':')
		text.Write(data)
		return nil
	}
	for _, field := range fields {
		if err := write(field.name, field.value, field.presence); err != nil {
			return nil, err
		}
	}
	names := make([]string, 0, len(others))
	for name := range others {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if err := write(name, others[name], required); err != nil {
			return nil, err
		}
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

func anyOf[T any](others map[string]T) map[string]any {
	values := make(map[string]any, len(others))
	for name, value := range others {
		values[name] = value
	}
	return values
}
"#;

/// The type as it is written where it is used; `package` stands before names of definitions.
#[must_use]
pub fn type_name(types: &Types<'_>, kind: &Type, package: &str) -> String {
    let inner = |kind: &Type| type_name(types, kind, package);
    match kind {
        Type::String(_) => "string".to_owned(),
        Type::Integer => "int64".to_owned(),
        Type::Number => "float64".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Any => any(Language::Go).to_owned(),
        Type::List(item) => format!("[]{}", inner(item)),
        Type::Map(value) => format!("map[string]{}", inner(value)),
        // These have nil of their own.
        Type::Option(value) if matches!(**value, Type::Any | Type::List(_) | Type::Map(_)) => inner(value),
        Type::Option(value) => format!("*{}", inner(value)),
        Type::Named(index) => {
            format!("{package}{}", types.get(*index).map_or("", |found| found.name.as_str()))
        }
    }
}

/// Every definition, in order of discovery.
#[must_use]
pub fn definitions(types: &Types<'_>) -> String {
    let sources = types.definitions().into_iter().enumerate();
    let sources: Vec<String> = sources.map(|(index, definition)| one(types, index, definition)).collect();
    let support = if sources.is_empty() { SUPPORT.trim_start() } else { SUPPORT };
    sources.join("\n") + support
}

fn one(types: &Types<'_>, index: usize, definition: &Definition) -> String {
    let mut text = String::new();
    let name = &definition.name;
    match &definition.shape {
        Shape::Struct { fields, rest, closed } => {
            push_doc(&mut text, definition, "is an object of the contract.");
            push_line(&mut text, format_args!("type {name} struct {{"));
            let mut members: Vec<Member> = fields.iter().map(|field| member(types, index, field)).collect();
            let rest_name = identifier(REST, IdentifierKind::Field, Language::Go);
            let rest = rest.as_ref().map(|kind| type_name(types, kind, ""));
            if let Some(kind) = &rest {
                let doc = Some("Fields without a name of their own.".to_owned());
                members.push(Member { doc, name: rest_name.clone(), kind: format!("map[string]{kind}") });
            }
            push_members(&mut text, &members);
            text.push_str("}\n");
            push_object_methods(&mut text, definition, fields, (rest.as_deref(), *closed), &rest_name);
        }
        Shape::Enum(variants) => {
            push_doc(&mut text, definition, "is one of several texts.");
            push_line(&mut text, format_args!("type {name} string\n\n// The texts of {name}.\nconst ("));
            let width = variants.iter().map(|(identifier, _)| identifier.len()).max().unwrap_or(0);
            for (identifier, wire) in variants {
                push_line(&mut text, format_args!("\t{identifier:width$} {name} = {}", literal(wire)));
            }
            text.push_str(")\n");
            let names: Vec<&str> = variants.iter().map(|(identifier, _)| identifier.as_str()).collect();
            push_line(
                &mut text,
                format_args!(
                    "\n// UnmarshalJSON takes only the texts of {name}.\nfunc (value *{name}) UnmarshalJSON(data []byte) error {{\n\tvar text string\n\tif err := json.Unmarshal(data, &text); err != nil {{\n\t\treturn err\n\t}}\n\tswitch {name}(text) {{\n\tcase {}:\n\t\t*value = {name}(text)\n\t\treturn nil\n\t}}\n\treturn fmt.Errorf(\"%q is no %s\", text, {})\n}}",
                    names.join(", "),
                    literal(name),
                ),
            );
        }
        Shape::Union(variants) => push_union(&mut text, types, definition, variants),
    }
    text
}

/// A comment that begins with the name, as the language's tools want it, and that `gofmt` lets stand.
fn push_doc(text: &mut String, definition: &Definition, else_words: &str) {
    push_line(text, format_args!("// {} {else_words}", definition.name));
    let doc = definition.doc.as_deref().map(str::trim).filter(|doc| !doc.is_empty());
    if let Some(doc) = doc {
        let doc = doc.replace("``", "\u{201c}").replace("''", "\u{201d}");
        let mut lines: Vec<&str> = doc.lines().map(str::trim).collect();
        lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
        text.push_str("//\n");
        push_comment(text, "", "//", Some(&lines.join("\n")));
    }
}

/// One member of a struct.
struct Member {
    doc: Option<String>,
    name: String,
    kind: String,
}

fn member(types: &Types<'_>, owner: usize, field: &Field) -> Member {
    let kind = type_name(types, &field.kind, "");
    let pointer = if types.contains_itself(&field.kind, owner) && !kind.starts_with('*') { "*" } else { "" };
    Member { doc: field.doc.clone(), name: field.identifier.clone(), kind: format!("{pointer}{kind}") }
}

/// Members laid out as the language's formatter does: types stand below each other up to the next comment.
fn push_members(text: &mut String, members: &[Member]) {
    let sections = members.chunk_by(|_, next| next.doc.is_none());
    for section in sections {
        let width = section.iter().map(|member| member.name.len()).max().unwrap_or(0);
        for member in section {
            push_comment(text, "\t", "//", member.doc.as_deref());
            push_line(text, format_args!("\t{:width$} {}", member.name, member.kind));
        }
    }
}

/// Reading and writing by the names of the contract; a tag could not hold every one of them.
fn push_object_methods(
    text: &mut String,
    definition: &Definition,
    fields: &[Field],
    (rest, closed): (Option<&str>, bool),
    rest_name: &str,
) {
    let name = &definition.name;
    let others = match (rest.is_some(), closed) {
        (true, _) => format!("keptOthers[{kind}]{{&value.{rest_name}}}", kind = rest.unwrap_or_default()),
        (false, true) => "noOthers{}".to_owned(),
        (false, false) => "nil".to_owned(),
    };
    let written = if rest.is_some() { format!("anyOf(value.{rest_name})") } else { "nil".to_owned() };
    let read = field_list(fields, "&value.", |field| match (&field.kind, field.required) {
        (_, false) => "optional",
        (Type::Option(_) | Type::Any, true) => "nullable",
        (_, true) => "required",
    });
    let write = field_list(fields, "value.", |field| if field.required { "required" } else { "optional" });
    push_line(
        text,
        format_args!(
            "
// UnmarshalJSON reads {name} and misses what must be there.
func (value *{name}) UnmarshalJSON(data []byte) error {{
\treturn readObject(data, {others}, {read})
}}

// MarshalJSON writes {name} by the names of the contract.
func (value {name}) MarshalJSON() ([]byte, error) {{
\treturn writeObject({written}, {write})
}}"
        ),
    );
}

/// Each field by its name in the contract, its place and whether it may be missing.
fn field_list(fields: &[Field], value: &str, presence: impl Fn(&Field) -> &'static str) -> String {
    if fields.is_empty() {
        return "[]field{}".to_owned();
    }
    let entries = fields.iter().map(|field| {
        format!("\t\t{{{}, {value}{}, {}}},\n", literal(&field.wire), field.identifier, presence(field))
    });
    format!("[]field{{\n{}\t}}", entries.collect::<String>())
}

/// A struct of which one member is set.
fn push_union(text: &mut String, types: &Types<'_>, definition: &Definition, variants: &[(String, Type)]) {
    let name = &definition.name;
    push_doc(text, definition, "is one of several types: the first member that is set.");
    push_line(text, format_args!("type {name} struct {{"));
    let members = variants.iter().map(|(identifier, kind)| Member {
        doc: None,
        name: identifier.clone(),
        kind: format!("*{}", type_name(types, kind, "").trim_start_matches('*')),
    });
    push_members(text, &members.collect::<Vec<_>>());
    let attempts = variants.iter().map(|(member, _)| {
        format!(
            "\terr = json.Unmarshal(data, &value.{member})
\tif err == nil && value.{member} != nil {{
\t\treturn nil
\t}}
\tvalue.{member} = nil
\treasons = append(reasons, err)
"
        )
    });
    let cases = variants.iter().map(|(member, _)| {
        format!("\tcase value.{member} != nil:\n\t\treturn json.Marshal(value.{member})\n")
    });
    push_line(
        text,
        format_args!(
            "}}

// UnmarshalJSON takes the first type that fits.
func (value *{name}) UnmarshalJSON(data []byte) error {{
\t*value = {name}{{}}
\tvar err error
\tvar reasons []error
{}\treturn fmt.Errorf(\"no type of %s fits: %w\", {quoted}, errors.Join(reasons...))
}}

// MarshalJSON writes the member that is set.
func (value {name}) MarshalJSON() ([]byte, error) {{
\tswitch {{
{}\t}}
\treturn nil, fmt.Errorf(\"no member of %s is set\", {quoted})
}}",
            attempts.collect::<String>(),
            cases.collect::<String>(),
            quoted = literal(name),
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_laid_out_as_gofmt_does() {
        let definition = Definition {
            name: "Order".to_owned(),
            doc: Some("\n  An ``order''.\n\n \n- paid\n".to_owned()),
            shape: Shape::Enum(Vec::new()),
        };
        let mut text = String::new();
        push_doc(&mut text, &definition, "is an object.");
        assert_eq!(text, "// Order is an object.\n//\n// An \u{201c}order\u{201d}.\n//\n// - paid\n");
    }
}
