//! The graph as one HTML file that needs no network: picture, table, search, filters, ways.

mod data;
pub mod live;

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
    let (title, parts) = (escaped(title), Parts::new("", "", ""));
    fill(out, &title, &parts, &mut |out| data::write(out, graph, &title, first))
}

/// What stands in the page beside the graph.
struct Parts {
    policy: String,
    style: [&'static str; 2],
    /// The parts of the one script.
    script: Vec<&'static str>,
    /// Elements of a page that is served.
    live: String,
}

impl Parts {
    /// The style and script of every page, and what comes after them.
    fn new(style: &'static str, script: &'static str, sources: &str) -> Self {
        let mut scripts = vec!["\"use strict\";(() => {\n"];
        scripts.extend(SCRIPTS);
        scripts.extend([script, "})();\n"]);
        let style = [STYLE, style];
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}';{sources} base-uri 'none'; form-action 'none'",
            hash(&scripts),
            hash(&style)
        );
        Self { policy, style, script: scripts, live: String::new() }
    }
}

fn fill(
    out: &mut dyn Write,
    title: &str,
    parts: &Parts,
    data: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut rest = PAGE;
    // What is put in is not looked at again, so no name can be taken for a place to fill.
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        out.write_all(before.as_bytes())?;
        match name {
            "policy" => out.write_all(parts.policy.as_bytes())?,
            "style" => parts.style.iter().try_for_each(|part| out.write_all(part.as_bytes()))?,
            "script" => parts.script.iter().try_for_each(|part| out.write_all(part.as_bytes()))?,
            "live" => out.write_all(parts.live.as_bytes())?,
            "data" => data(out)?,
            _ => out.write_all(title.as_bytes())?,
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// What a policy knows an inline script or style of these parts by.
fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    format!("sha256-{}", STANDARD.encode(digest.finalize()))
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
