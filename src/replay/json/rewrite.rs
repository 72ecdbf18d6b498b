//! Goes through a JSON text once, asks about each value, and writes the text anew with the answers.

use thiserror::Error;

/// Levels of objects and lists that are followed.
const DEEPEST: usize = 128;

/// Why a text cannot be gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MalformedJson {
    /// It is none.
    #[error("it is not JSON")]
    NotJson,
    /// Objects and lists lie too deep in each other.
    #[error("it is nested more than {DEEPEST} levels deep")]
    TooDeep,
}

/// What is to become of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays as it is, and so does all in it.
    Keep,
    /// This JSON text stands in its place.
    Replace(String),
    /// It goes, with its name.
    Remove,
}

/// A value that holds no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar<'t>(pub &'t str);

impl Scalar<'_> {
    /// What a string says; none for other values, and for strings that say nothing (half a surrogate pair).
    #[must_use]
    pub fn string(self) -> Option<String> {
        self.0.starts_with('"').then(|| serde_json::from_str(self.0).ok()).flatten()
    }

    /// What it says: of a string what it holds, of others how they are written.
    #[must_use]
    pub fn content(self) -> String {
        self.string().unwrap_or_else(|| self.0.to_owned())
    }
}

/// Decides about values. Its place is what it knows of the way from the root to a value.
pub trait Visitor {
    /// What is known at a value.
    type Place;

    /// The place of a member or an element; `is_element` says which.
    fn step(&mut self, place: &Self::Place, name: &str, is_element: bool) -> Self::Place;

    /// What is to become of an object or a list as a whole; `None` goes on with what is in it.
    fn container(&mut self, place: &Self::Place, text: &str) -> Option<Decision>;

    /// What is to become of a string, a number, a boolean or `null`.
    fn scalar(&mut self, place: &Self::Place, scalar: Scalar<'_>) -> Decision;
}

/// The text with what the visitor decided; none when it decided to keep everything.
///
/// # Errors
/// [`MalformedJson`]
pub fn rewrite<V: Visitor>(
    text: &[u8],
    visitor: &mut V,
    root: &V::Place,
) -> Result<Option<String>, MalformedJson> {
    let text = std::str::from_utf8(text).map_err(|_| MalformedJson::NotJson)?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| MalformedJson::NotJson)?;
    let mut walk = Walk { text, at: 0, out: String::new(), copied: 0, visitor };
    walk.blanks();
    let removed = walk.value(root, 0)?;
    if removed {
        // A document without a value is none.
        return Ok(Some("null".to_owned()));
    }
    Ok((walk.copied > 0).then(|| {
        walk.out.push_str(&text[walk.copied..]);
        walk.out
    }))
}

struct Walk<'t, 'v, V> {
    text: &'t str,
    at: usize,
    out: String,
    /// Up to here the text was written or left out.
    copied: usize,
    visitor: &'v mut V,
}

impl<V: Visitor> Walk<'_, '_, V> {
    fn peek(&self) -> Result<u8, MalformedJson> {
        self.text.as_bytes().get(self.at).copied().ok_or(MalformedJson::NotJson)
    }

    fn blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|each| matches!(each, b' ' | b'\t' | b'\r' | b'\n')).count();
    }

    fn expect(&mut self, wanted: u8) -> Result<(), MalformedJson> {
        if self.peek()? != wanted {
            return Err(MalformedJson::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes past a value; true when it is to be removed, which is for whoever knows its surroundings.
    fn value(&mut self, place: &V::Place, depth: usize) -> Result<bool, MalformedJson> {
        let start = self.at;
        let is_container = matches!(self.peek()?, b'{' | b'[');
        if is_container && depth >= DEEPEST {
            return Err(MalformedJson::TooDeep);
        }
        let decision = if is_container {
            let end = self.end_of_container()?;
            match self.visitor.container(place, &self.text[start..end]) {
                None => {
                    self.inside(place, depth)?;
                    return Ok(false);
                }
                Some(decision) => {
                    self.at = end;
                    decision
                }
            }
        } else {
            self.skip_scalar()?;
            self.visitor.scalar(place, Scalar(&self.text[start..self.at]))
        };
        if let Decision::Replace(new) = &decision {
            self.out.push_str(&self.text[self.copied..start]);
            self.out.push_str(new);
            self.copied = self.at;
        }
        Ok(decision == Decision::Remove)
    }

    fn inside(&mut self, place: &V::Place, depth: usize) -> Result<(), MalformedJson> {
        let is_object = self.peek()? == b'{';
        let close = if is_object { b'}' } else { b']' };
        self.at += 1;
        // The end of the last entry that stays, and whether none has stayed so far.
        let (mut kept_end, mut none_kept, mut index) = (self.at, true, 0_usize);
        self.blanks();
        if self.peek()? == close {
            self.at += 1;
            return Ok(());
        }
        loop {
            let entry = self.at;
            let next = if is_object {
                let name = self.name()?;
                self.visitor.step(place, &name, false)
            } else {
                self.visitor.step(place, &index.to_string(), true)
            };
            index += 1;
            if self.value(&next, depth + 1)? {
                // What stands between the last that stays and the next one goes with it.
                self.leave_out(if none_kept { entry } else { kept_end });
            } else {
                (kept_end, none_kept) = (self.at, false);
            }
            self.blanks();
            if self.peek()? == close {
                self.at += 1;
                return Ok(());
            }
            self.expect(b',')?;
            self.blanks();
            if none_kept {
                self.copied = self.at;
            }
        }
    }

    /// Leaves out from `start` up to where we are.
    fn leave_out(&mut self, start: usize) {
        if self.copied < start {
            self.out.push_str(&self.text[self.copied..start]);
        }
        self.copied = self.at;
    }

    /// The name of a member; afterwards we stand at its value.
    fn name(&mut self) -> Result<String, MalformedJson> {
        let start = self.at;
        if self.peek()? != b'"' {
            return Err(MalformedJson::NotJson);
        }
        self.skip_string()?;
        let written = &self.text[start..self.at];
        let name = if written.contains('\\') {
            // Half a surrogate pair cannot be decoded; no path names it then, and no schema knows it.
            serde_json::from_str(written).unwrap_or_else(|_| written.to_owned())
        } else {
            written[1..written.len() - 1].to_owned()
        };
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Ok(name)
    }

    fn skip_scalar(&mut self) -> Result<(), MalformedJson> {
        if self.peek()? == b'"' {
            return self.skip_string();
        }
        let rest = &self.text.as_bytes()[self.at..];
        let is_end = |each: &u8| matches!(each, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        self.at += length;
        if length == 0 { Err(MalformedJson::NotJson) } else { Ok(()) }
    }

    fn skip_string(&mut self) -> Result<(), MalformedJson> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at).ok_or(MalformedJson::NotJson)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Ok(())
    }

    /// Where the object or list that begins here ends.
    fn end_of_container(&self) -> Result<usize, MalformedJson> {
        let bytes = self.text.as_bytes();
        let (mut at, mut depth) = (self.at, 0_usize);
        loop {
            match bytes.get(at).ok_or(MalformedJson::NotJson)? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(at + 1);
                    }
                }
                b'"' => {
                    at += 1;
                    while bytes.get(at) != Some(&b'"') {
                        at += if bytes.get(at).ok_or(MalformedJson::NotJson)? == &b'\\' { 2 } else { 1 };
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Decision, MalformedJson, Scalar, Visitor, rewrite};

    /// Removes members and elements whose name or string contains `x`, and replaces strings that contain `r`.
    struct Example;

    impl Visitor for Example {
        type Place = String;

        fn step(&mut self, _: &String, name: &str, _: bool) -> String {
            name.to_owned()
        }

        fn container(&mut self, place: &String, _: &str) -> Option<Decision> {
            place.contains('x').then_some(Decision::Remove)
        }

        fn scalar(&mut self, place: &String, scalar: Scalar<'_>) -> Decision {
            let content = scalar.content();
            if place.contains('x') || content.contains('x') {
                Decision::Remove
            } else if content.contains('r') && scalar.0.starts_with('"') {
                Decision::Replace("\"new\"".to_owned())
            } else {
                Decision::Keep
            }
        }
    }

    fn expected(value: &Value) -> Value {
        let goes = |value: &Value| value.as_str().is_some_and(|text| text.contains('x'));
        match value {
            Value::Array(items) => items.iter().filter(|each| !goes(each)).map(expected).collect(),
            Value::Object(members) => {
                let stay = members.iter().filter(|(name, value)| !name.contains('x') && !goes(value));
                stay.map(|(name, value)| (name.clone(), expected(value))).collect()
            }
            Value::String(text) if text.contains('x') => Value::Null,
            Value::String(text) if text.contains('r') => Value::from("new"),
            other => other.clone(),
        }
    }

    fn rewritten(text: &str) -> Option<String> {
        rewrite(text.as_bytes(), &mut Example, &String::new()).expect("JSON")
    }

    #[test]
    fn what_is_not_named_stays_byte_for_byte() {
        assert_eq!(rewritten(r#" { "a" : 1.50, "b":[1e5,"c"] } "#), None);
        assert_eq!(rewritten(r#"{ "x": 1, "b" : 2.0 }"#).as_deref(), Some(r#"{ "b" : 2.0 }"#));
        assert_eq!(rewritten(r#"{ "b" : 2.0 , "x": {"y":[]} }"#).as_deref(), Some(r#"{ "b" : 2.0 }"#));
        assert_eq!(rewritten(r#"{"x":1}"#).as_deref(), Some("{}"));
        assert_eq!(rewritten(r#"[ "x", "r", "x", 3, "x" ]"#).as_deref(), Some(r#"[ "new", 3 ]"#));
        assert_eq!(
            rewritten(r#"{"a":"r","a":"r","b":"\u0072"}"#).as_deref(),
            Some(r#"{"a":"new","a":"new","b":"new"}"#)
        );
        assert_eq!(rewritten(r#""x""#).as_deref(), Some("null"));
        assert_eq!(rewritten(r#"{"\u0078":"secret","b":"}\\\"{"}"#).as_deref(), Some(r#"{"b":"}\\\"{"}"#));
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        let verdict = |text: &[u8]| rewrite(text, &mut Example, &String::new());
        for text in [&b""[..], b"{", b"{\"a\":1}}", b"\xff", b"tru", b"[1,]", b"\"\xc3\"", b"{\"a\" 1}"] {
            assert_eq!(verdict(text), Err(MalformedJson::NotJson), "{text:?}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(verdict(deep.as_bytes()), Err(MalformedJson::TooDeep));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(verdict(deep.as_bytes()).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "[xra\"\\\\{}\u{e9}, ]{0,4}".prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[xab\"]{1,3}", inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_text_says_what_the_decisions_were(value in value(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.expect("JSON");
            let new = rewritten(&text).unwrap_or(text);
            let read: Value = serde_json::from_str(&new).expect("JSON");
            prop_assert_eq!(read, expected(&value));
        }

        #[test]
        fn any_bytes_are_gone_through_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = rewrite(&bytes, &mut Example, &String::new());
        }

        #[test]
        fn any_text_of_signs_is_gone_through_or_refused(text in "[\\[\\]{}\",:x1\\\\ ]{0,20}") {
            let _ = rewrite(text.as_bytes(), &mut Example, &String::new());
        }
    }
}
