//! Foreign text for files: what steers a terminal or the direction of writing is escaped or replaced, whatever reads the file.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

use super::visible::is_hidden;

/// The text on one line, with a space for each character that steers.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|each| if is_hidden(each) { ' ' } else { each }).collect()
}

/// The beginning and the end of a text that is longer than so many characters.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let head: String = text.chars().take(limit / 2).collect();
    let tail: String = text.chars().skip(count - limit / 2).collect();
    format!("{head}…{tail}")
}

/// A text in double quotes for YAML 1.2, on one line.
pub(super) fn yaml_text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for each in text.chars() {
        match each {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            each if is_hidden(each) || matches!(each, '\u{fffe}' | '\u{ffff}') => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\U{:08X}", u32::from(each));
            }
            each => quoted.push(each),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a value as JSON on one line.
pub(super) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Inert(Compact)))?;
    writeln!(out)
}

/// Writes a value as JSON over many lines.
pub(super) fn json_pretty(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    // Layout is written in pieces of a few bytes.
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    value.serialize(&mut Serializer::with_formatter(&mut out, Inert(PrettyFormatter::new())))?;
    writeln!(out)?;
    out.flush()
}

struct Compact;

impl Formatter for Compact {}

/// Another formatter, with characters that steer escaped.
struct Inert<F>(F);

impl<F: Formatter> Formatter for Inert<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        for (at, each) in fragment.char_indices().filter(|(_, each)| is_hidden(*each)) {
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            let mut units = [0; 2];
            for unit in each.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + each.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::{json_line, json_pretty, shortened, yaml_text};

    #[test]
    fn what_steers_is_escaped_and_reads_back() {
        let hostile = "a\u{1b}[31m\u{9b}\"\\\n\t\u{202e}\u{2028}\u{e0001}注文";
        let mut out = Vec::new();
        json_line(&mut out, &[hostile]).unwrap();
        json_pretty(&mut out, &[hostile]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{2028}', '\u{e0001}']), "{text}");
        let line = text.lines().next().unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(line).unwrap(), [hostile]);
        let yaml = yaml_text(hostile);
        assert!(!yaml.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\n']), "{yaml}");
        assert_eq!(serde_yaml::from_str::<String>(&yaml).unwrap(), hostile);
    }

    #[test]
    fn long_texts_keep_both_ends() {
        assert_eq!(shortened("abcdefgh", 4), "ab…gh");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}
