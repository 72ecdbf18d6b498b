//! Every code in order: one line per rule, one file each, whose opening comment is its page.

use std::sync::OnceLock;

use super::CheckInput;
use crate::diagnostic::{Diagnostic, Severity};

mod paged;

/// What kind of trouble a rule finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The specification forbids it.
    Spec,
    /// It cannot mean what was wanted.
    Correctness,
    /// It works here and fails elsewhere.
    Interop,
    /// A matter of habit.
    Style,
}

impl Category {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Correctness => "correctness",
            Self::Interop => "interop",
            Self::Style => "style",
        }
    }
}

/// One code with all there is to say about it.
#[derive(Debug)]
pub struct Rule {
    /// `ED` and four digits.
    pub code: &'static str,
    /// Its readable name, which is the name of its file with `-` for `_`.
    pub name: &'static str,
    /// The weight it has when nobody says otherwise.
    pub severity: Severity,
    /// What kind of trouble it is.
    pub category: Category,
    /// The clause that decides, or nothing.
    pub clause: &'static str,
    /// Identifiers of the official parser's rules that cover the same ground.
    pub aliases: &'static [&'static str],
    /// The file whose opening comment is the page.
    pub source: &'static str,
    /// The check; `None` when the finding is made while reading or walking.
    pub check: Option<fn(&CheckInput, &mut Vec<Diagnostic>)>,
}

impl Rule {
    /// Whether it runs only where the workspace gives it a level.
    #[must_use]
    pub fn is_on_request(&self) -> bool {
        ON_REQUEST.iter().any(|rule| rule.code == self.code)
    }

    /// A finding of this rule.
    #[must_use]
    pub fn finding(&self, message: impl Into<String>, span: crate::source_text::Span) -> Diagnostic {
        let finding = Diagnostic::new(self.code, self.severity, message, span);
        if self.clause.is_empty() { finding } else { finding.clause(self.clause) }
    }
}

macro_rules! rules {
    ($list:ident; $($name:ident),* $(,)?) => {
        $(mod $name;)*
        static $list: &[&Rule] = &[$(&$name::RULE),*];
    };
}

rules! {
    CHECKED;
    unknown_field,
    missing_field,
    wrong_type,
    value_not_allowed,
    newer_version,
    key_not_string,
    key_characters,
    misplaced_reference,
    operation_channel,
    operation_messages,
    reply_messages,
    reply_address,
    reply_channel,
    channel_servers,
    parameter_undeclared,
    parameter_unused,
    server_variable_undeclared,
    server_variable_unused,
    default_outside_enum,
    unknown_protocol,
    address_for_protocol,
    address_query,
    example_outside_enum,
    operation_id_unique,
    message_id_unique,
    tags_unique,
    schema_invalid,
    keyword_spelling,
    format_unknown,
    pattern_invalid,
    range_empty,
    enum_outside_type,
    required_forbidden,
    default_mismatch,
    schema_examples,
    discriminator_required,
    schema_format_unknown,
    avro_schema,
    avro_default,
    protobuf_types,
    schema_unsatisfiable,
    branch_dead,
    avro_name,
    avro_logical_type,
    protobuf_schema,
    protobuf_message,
    message_examples,
    headers_object,
    content_type,
    messages_ambiguous,
    example_empty,
    expression_syntax,
    expression_target,
    expression_unlisted,
    security_unknown,
    security_scopes,
    unknown_binding,
    binding_field,
    binding_version,
    binding_other_version,
    field_conflict,
    extension_unknown,
    extension_misplaced,
    unused_component,
    channel_trailing_slash,
    channel_empty_parameter,
    server_trailing_slash,
    server_empty_variable,
    naming_style,
    cloudevents_required,
    cloudevents_names,
    cloudevents_version,
    cloudevents_constant,
    cloudevents_prefix,
    cloudevents_modes,
}

// Habits that many good documents do not share: they run where the workspace gives them a level.
rules! {
    ON_REQUEST;
    info_description,
    info_contact,
    contact_properties,
    info_license,
    license_url,
    document_id,
    default_content_type,
    servers_missing,
    tags_missing,
    tag_description,
    tags_alphabetical,
    operation_description,
    operation_id,
    message_id,
    parameter_description,
    server_example_com,
    latest_version,
}

/// Every rule in order of its code.
#[must_use]
pub fn all() -> &'static [&'static Rule] {
    static ALL: OnceLock<Vec<&Rule>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lists = paged::READING
            .iter()
            .chain(CHECKED)
            .chain(ON_REQUEST)
            .chain(paged::COMMENTS)
            .chain(paged::EDITS)
            .chain(paged::EVENTS)
            .chain(paged::TOPOLOGY);
        let mut all: Vec<&Rule> = lists.copied().collect();
        all.sort_by_key(|rule| rule.code);
        all
    })
}

/// The code of a name, code or identifier of the official parser; used for levels in the workspace file.
#[must_use]
pub fn codes_of(word: &str) -> Vec<&'static str> {
    super::page::find(word).map_or_else(|_| Vec::new(), |rules| rules.iter().map(|rule| rule.code).collect())
}
