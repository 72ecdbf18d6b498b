//! Tests of the YAML reader.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::string::string_regex;

use super::super::tree::{Node, Number, Value};
use super::super::{SourceText, Sources};
use super::*;

fn read_within(text: &str, limits: &Limits) -> Parsed {
    let mut sources = Sources::default();
    let file = sources.add(SourceText::new("test.yaml", text.to_owned()));
    parse(&sources, file, limits)
}

fn read(text: &str) -> Parsed {
    read_within(text, &Limits::default())
}

fn root(text: &str) -> NodeRef {
    let parsed = read(text);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    parsed.root.expect("a tree")
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

fn only_problem(text: &str) -> Problem {
    let mut problems = read(text).problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

#[test]
fn every_node_and_key_knows_its_bytes() {
    let text = "# head\na: 'it''s'\nb:\n  - x\n  - y: 1   # tail\n\n# more\nc: {d: [1, 2], e: }\nf: |\n  one\n  two\n\ng:\n";
    let tree = root(text);
    assert_eq!(slice(text, tree.span), text[7..].trim_end().trim_end_matches(':'));
    assert_eq!(slice(text, tree.entry("a").unwrap().key_span), "a");
    assert_eq!(slice(text, tree.get("a").unwrap().span), "'it''s'");
    assert_eq!(slice(text, tree.get("b").unwrap().span), "- x\n  - y: 1");
    assert_eq!(slice(text, tree.pointer("/b/1").unwrap().span), "y: 1");
    assert_eq!(slice(text, tree.get("c").unwrap().span), "{d: [1, 2], e: }");
    assert_eq!(slice(text, tree.pointer("/c/d").unwrap().span), "[1, 2]");
    assert_eq!(slice(text, tree.get("f").unwrap().span), "one\n  two");
    assert_eq!(tree.get_str("f"), Some("one\ntwo\n"));
    let empty = tree.get("g").unwrap();
    assert_eq!((empty.value.clone(), slice(text, empty.span)), (Value::Null, ""));
}

#[test]
fn json_is_read_by_the_same_rules() {
    let text = "{\n\t\"a\": \"\\ud834\\udd1e \\/\",\n\t\"b\": [true, null, -1.5e2, 7]\n}\n";
    let tree = root(text);
    assert_eq!(tree.to_json(), serde_json::json!({"a": "𝄞 /", "b": [true, null, -150.0, 7]}));
    assert_eq!(slice(text, tree.span), text.trim_end());
    assert_eq!(slice(text, tree.get("a").unwrap().span), "\"\\ud834\\udd1e \\/\"");
}

#[test]
fn a_byte_order_mark_is_no_content() {
    let text = "\u{feff}a: é\n";
    let tree = root(text);
    assert_eq!(slice(text, tree.get("a").unwrap().span), "é");
}

#[test]
fn keys_remember_whether_they_were_strings() {
    let tree = root("404: a\n'405': b\non: c\n");
    let kinds: Vec<_> =
        tree.entries().iter().map(|entry| (entry.key.as_str(), entry.key_is_string)).collect();
    assert_eq!(kinds, [("404", false), ("405", true), ("on", true)]);
}

#[test]
fn aliases_share_the_node() {
    let tree = root("a: &x {k: [1]}\nb: *x\n&key c: *key\n*key : d\n".trim_end_matches("*key : d\n"));
    assert!(std::sync::Arc::ptr_eq(tree.get("a").unwrap(), tree.get("b").unwrap()));
    assert_eq!(tree.get_str("c"), Some("c"));
    assert_eq!(tree.expanded, 1 + 3 + 3 + 1);
    assert_eq!(root("a: &x k\n*x : v\n").get_str("k"), Some("v"));
}

#[test]
fn duplicate_keys_are_kept_and_reported_with_both_places() {
    let text = "a:\n  b: 1\n  'b': 2\n";
    let parsed = read(text);
    let problem = &parsed.problems[0];
    assert_eq!(problem.kind, ProblemKind::DuplicateKey("b".into()));
    assert_eq!((slice(text, problem.span), slice(text, problem.related.unwrap())), ("'b'", "b"));
    assert_eq!(problem.pointer, "/a/b");
    let tree = parsed.root.unwrap();
    assert_eq!(tree.get("a").unwrap().entries().len(), 2);
    assert_eq!(tree.pointer("/a/b").unwrap().value, Value::Number(Number::Integer(1)));
    let many: String = (0..40).map(|key| format!("k{}: 1\n", key % 39)).collect();
    assert_eq!(only_problem(&many).kind, ProblemKind::DuplicateKey("k0".into()));
}

#[test]
fn merge_keys_are_merged_with_a_word_about_them() {
    let text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nx:\n  <<: [*base, *more]\n  a: 0\n";
    let parsed = read(text);
    assert_eq!(parsed.problems.len(), 1);
    assert_eq!(parsed.problems[0].kind, ProblemKind::MergeKey);
    assert_eq!(parsed.problems[0].pointer, "/x");
    let tree = parsed.root.unwrap();
    assert_eq!(tree.get("x").unwrap().to_json(), serde_json::json!({"a": 0, "b": 2, "c": 4}));
    assert_eq!(root("'<<': {a: 1}\n").entries()[0].key, "<<");
    assert_eq!(root("<<: text\n").get_str("<<"), Some("text"));
}

#[test]
fn syntax_errors_stand_at_their_place() {
    let cases =
        [("a: b: c\n", 4), ("a:\n\tb: 1\n", 4), ("a: \"open\nb: 1\n", 3), ("a: [1\n", 3), ("a: - b\n", 3)];
    for (text, start) in cases {
        let problem = only_problem(text);
        assert!(matches!(problem.kind, ProblemKind::Syntax(_)), "{text:?} {problem:?}");
        assert_eq!(problem.span.start, start, "{text:?} {problem:?}");
        assert!(read(text).root.is_none());
    }
}

#[test]
fn nothing_is_an_empty_document() {
    for text in ["", "# only words\n", "\n\n", "---\n", "---\n...\n", "\u{feff}"] {
        assert_eq!(only_problem(text).kind, ProblemKind::Empty, "{text:?}");
    }
    assert_eq!(root("null\n").value, Value::Null);
}

#[test]
fn a_second_document_is_named_and_the_first_kept() {
    let text = "a: 1\n---\nb: 2\n";
    let parsed = read(text);
    assert_eq!(parsed.problems[0].kind, ProblemKind::SeveralDocuments);
    assert_eq!(slice(text, parsed.problems[0].span), "---");
    assert!(parsed.root.unwrap().get("a").is_some());
}

#[test]
fn aliases_without_and_inside_their_anchor_are_refused() {
    let parsed = read("a: *gone\nb: 1\n");
    assert_eq!(parsed.problems[0].kind, ProblemKind::UndefinedAlias("gone".into()));
    assert_eq!(parsed.root.unwrap().get("a").unwrap().value, Value::Null);
    let problem = only_problem("a: &self [1, *self]\n");
    assert_eq!(problem.kind, ProblemKind::RecursiveAlias("self".into()));
    assert_eq!(problem.related.unwrap().start, 9);
}

#[test]
fn tags_of_the_core_schema_decide_and_others_are_named() {
    let tree =
        root("a: !!str 1\nb: !!int '7'\nc: !!float 1\nd: !!str\ne: ! 1\nf: !!set {x: }\ng: !!map {}\n");
    assert_eq!(tree.get_str("a"), Some("1"));
    assert_eq!(tree.get("b").unwrap().value, Value::Number(Number::Integer(7)));
    assert_eq!(tree.get("c").unwrap().value, Value::Number(Number::Float(1.0)));
    assert_eq!(tree.get_str("d"), Some(""));
    assert_eq!(tree.get_str("e"), Some("1"));
    let custom = only_problem("a: !mine {b: 1}\n");
    assert_eq!(custom.kind, ProblemKind::UnknownTag("!mine".into()));
    let wrong = only_problem("a: !!int seven\n");
    assert_eq!(wrong.kind, ProblemKind::TagMismatch { tag: "!!int".into(), text: "seven".into() });
    assert_eq!(only_problem("? [a]\n: 1\n").kind, ProblemKind::ComplexKey);
}

#[test]
fn a_bomb_of_aliases_is_refused_at_the_alias_that_bursts_it() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..60 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{inner}]").unwrap();
    }
    let problem = only_problem(&text);
    assert_eq!(problem.kind, ProblemKind::AliasExpansion(1_000_000));
    assert_eq!(slice(&text, problem.span), "*a4");
}

#[test]
fn merges_count_as_aliases() {
    let limits = Limits { alias_nodes: 100, ..Limits::default() };
    let keys: String = (0..50).map(|key| format!("k{key}: 1, ")).collect();
    let text = format!("a: &a {{ {keys} }}\nb: {{<<: *a}}\nc: {{<<: *a}}\n");
    let parsed = read_within(&text, &limits);
    assert!(parsed.problems.iter().any(|problem| problem.kind == ProblemKind::AliasExpansion(100)));
}

#[test]
fn depth_is_limited_however_it_is_made() {
    let deep = "[".repeat(1_000_000);
    assert_eq!(only_problem(&deep).kind, ProblemKind::TooDeep(128));
    let braces = "{a: ".repeat(100_000);
    assert_eq!(only_problem(&braces).kind, ProblemKind::TooDeep(128));
    let dashes = "- ".repeat(100_000);
    assert_eq!(only_problem(&dashes).kind, ProblemKind::TooDeep(128));
    let mixed = format!("{}{}{}", "- ".repeat(100), "[".repeat(100), "]".repeat(100));
    assert_eq!(only_problem(&mixed).kind, ProblemKind::TooDeep(128));
    let chain: String = (1..200).map(|link| format!("a{link}: &a{link} [*a{}]\n", link - 1)).collect();
    assert_eq!(only_problem(&format!("a0: &a0 x\n{chain}")).kind, ProblemKind::TooDeep(128));
    root(&format!("{}{}", "[".repeat(128), "]".repeat(128)));
}

#[test]
fn size_nodes_and_problems_are_limited() {
    let first = |text: &str, limits: &Limits| read_within(text, limits).problems.remove(0).kind;
    let bytes = Limits { bytes: 10, ..Limits::default() };
    assert_eq!(first("12345678901", &bytes), ProblemKind::TooLarge(10));
    let nodes = Limits { nodes: 4, ..Limits::default() };
    assert_eq!(first("[1, 2, 3, 4]", &nodes), ProblemKind::TooManyNodes(4));
    let problems = Limits { problems: 3, ..Limits::default() };
    assert_eq!(read_within("{a: 1, a: 1, a: 1, a: 1, a: 1, a: 1}", &problems).problems.len(), 3);
}

#[test]
fn keys_that_are_absent_are_empty() {
    let tree = root(": a\n");
    assert_eq!((tree.entries()[0].key.as_str(), tree.entries()[0].key_is_string), ("", false));
}

#[test]
fn only_line_feeds_and_carriage_returns_break_lines() {
    // YAML 1.1 took them for line breaks, and its writers indent behind them; in 1.2 they are text (5.4).
    for separator in ['\u{2028}', '\u{2029}', '\u{85}'] {
        for quote in ['\'', '"'] {
            let text = format!("a: {quote}x{separator}  {quote}\nb: 1\n");
            let tree = root(&text);
            assert_eq!(tree.get("a").unwrap().as_str(), Some(format!("x{separator}  ").as_str()), "{text:?}");
            assert_eq!(slice(&text, tree.get("b").unwrap().span), "1");
        }
    }
}

/// A small document as text, together with the values that must come out.
fn document() -> impl Strategy<Value = (String, serde_json::Value)> {
    // The writer is one of YAML 1.1, where separators of lines and paragraphs break lines.
    let printable = |longest: usize| format!("[\\PC&&[^\u{2028}\u{2029}]]{{0,{longest}}}");
    let (text, name) = (printable(12), printable(8));
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        string_regex(&text).expect("a pattern").prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    let value = leaf.prop_recursive(4, 40, 5, move |inner| {
        let name = string_regex(&name).expect("a pattern");
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    (value, any::<bool>()).prop_map(|(value, as_json)| {
        let text = if as_json {
            serde_json::to_string_pretty(&value).expect("JSON")
        } else {
            serde_yaml::to_string(&value).expect("YAML")
        };
        (text, value)
    })
}

fn check_spans(text: &str, node: &Node) {
    let written = slice(text, node.span);
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| {
            assert!(node.span.start <= item.span.start && item.span.end <= node.span.end, "{text}");
            check_spans(text, item);
        }),
        Value::Object(entries) => entries.iter().for_each(|entry| {
            assert!(node.span.start <= entry.key_span.start && entry.key_span.end <= node.span.end, "{text}");
            assert!(entry.key_span.end <= entry.value.span.start, "{text}");
            let key = root(slice(text, entry.key_span));
            assert!(key.as_str().is_none_or(|key| key == entry.key), "{text}");
            check_spans(text, &entry.value);
        }),
        _ if written.is_empty() => assert_eq!(node.value, Value::Null),
        // A block scalar cannot be read again without its header.
        Value::String(value) if value.contains('\n') && !written.starts_with(['"', '\'']) => {}
        value => assert_eq!(&root(written).value, value, "{text}"),
    }
}

proptest! {
    #[test]
    fn what_is_written_comes_back_and_spans_slice_to_it((text, value) in document()) {
        let tree = root(&text);
        prop_assert_eq!(tree.to_json(), value);
        check_spans(&text, &tree);
    }

    #[test]
    fn no_text_panics(text in "[\\-a-c:\\[\\]{}&*!|>'\"#%@\n \t,?~<0-9é]{0,80}") {
        let parsed = read(&text);
        prop_assert!(parsed.root.is_some() || !parsed.problems.is_empty());
    }
}
