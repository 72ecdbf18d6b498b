//! The graph as one HTML file that needs no network: picture, table, search, filters, ways.

mod data;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::inert::one_line;
use super::scene::Setting;
use crate::topology::Graph;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// Parts of one script, in the order in which they need each other.
const SCRIPTS: [&str; 7] = [
    include_str!("model.js"),
    include_str!("scene.js"),
    include_str!("svg.js"),
    include_str!("canvas.js"),
    include_str!("export.js"),
    include_str!("table.js"),
    include_str!("page.js"),
];

/// Writes the page; `first` is the view it opens with.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, graph: &Graph, title: &str, first: Setting) -> io::Result<()> {
    let script = format!("\"use strict\";(() => {{\n{}}})();\n", SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(STYLE)
    );
    let title = escaped(title);
    let mut rest = PAGE;
    // What is put in is not looked at again, so no name can be taken for a place to fill.
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        out.write_all(before.as_bytes())?;
        match name {
            "policy" => out.write_all(policy.as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(script.as_bytes())?,
            "data" => data::write(out, graph, &title, first)?,
            _ => out.write_all(title.as_bytes())?,
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// What a policy knows an inline script or style by.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn escaped(text: &str) -> String {
    one_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{SCRIPTS, Setting, write};
    use crate::topology::fixture::shop;

    /// What a reader of the page downloads as program.
    const SCRIPT_LIMIT: usize = 60 * 1024;

    #[test]
    fn the_script_stays_small() {
        let size: usize = SCRIPTS.iter().map(|script| script.len()).sum();
        assert!(size <= SCRIPT_LIMIT, "{size} bytes");
    }

    #[test]
    fn the_page_asks_for_nothing_from_anywhere() {
        let mut out = Vec::new();
        write(&mut out, &shop(), "Shop", Setting::Columns).unwrap();
        let page = String::from_utf8(out).unwrap();
        for word in ["src=", "href=", "@import", "url(http", "fetch(", "XMLHttpRequest", "eval(", "innerHTML"]
        {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'; script-src 'sha256-"));
        assert!(!page.contains("unsafe-inline"));
    }
}
