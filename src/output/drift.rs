//! What declared and observed differ in, as text and as one JSON object.

use std::io::{self, Write};

use serde::Serialize;

use super::graph_text::{GraphStyle, Role};
use super::inert::json_pretty;
use crate::topology::drift::{Compared, Verdict};
use crate::topology::observed::Live;
use crate::topology::{Evidence, EvidenceKind, Graph, Relation};

/// Names of two environments that are compared: what is expected, and what was found.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sides<'a> {
    /// The one that is compared with.
    pub against: &'a str,
    /// The one that is looked at.
    pub environment: &'a str,
}

impl Sides<'_> {
    /// What a verdict means between environments.
    #[must_use]
    pub fn words(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Undocumented => format!("only in {}", self.environment),
            Verdict::Missing => format!("only in {}", self.against),
            Verdict::NotObservable => verdict.words().to_owned(),
            Verdict::Confirmed => "in both".to_owned(),
        }
    }
}

/// What a verdict is called: between documents and systems, or between two environments.
#[must_use]
pub fn words(verdict: Verdict, sides: Option<Sides<'_>>) -> String {
    sides.map_or_else(|| verdict.words().to_owned(), |sides| sides.words(verdict))
}

/// Writes one line per flow or channel under a heading per verdict, each with why.
///
/// # Errors
/// Those of `out`.
pub fn write_text(
    out: &mut dyn Write,
    graph: &Graph,
    compared: &[Compared<'_>],
    sides: Option<Sides<'_>>,
    style: &GraphStyle<'_>,
) -> io::Result<()> {
    let mut heading = None;
    for item in compared {
        if heading != Some(item.verdict) {
            if heading.is_some() {
                writeln!(out)?;
            }
            writeln!(out, "{}", (style.paint)(Role::Heading, &style.clean(&words(item.verdict, sides))))?;
            heading = Some(item.verdict);
        }
        let (glyphs, clean) = (style.glyphs(), |text: &str| style.clean(text));
        let mark = style.mark(item.verdict);
        let mark = if item.verdict.is_finding() { (style.paint)(Role::Alarm, mark) } else { mark.to_owned() };
        let channel = (style.paint)(Role::Channel, &format!("({})", clean(&graph.label(item.channel))));
        let what = match item.flow {
            None => channel,
            Some((service, relation)) => {
                let service = (style.paint)(Role::Service, &clean(&graph.label(service)));
                let arrow = if relation == Relation::Sends { glyphs.right } else { glyphs.left };
                format!("{service} {} {channel}", (style.paint)(Role::Faint, arrow))
            }
        };
        let why = why(graph, item).iter().map(|words| clean(words)).collect::<Vec<_>>().join("; ");
        writeln!(out, "  {mark} {what}  {}", (style.paint)(Role::Faint, &why))?;
    }
    Ok(())
}

/// What supports a verdict, in words.
fn why(graph: &Graph, item: &Compared<'_>) -> Vec<String> {
    if !item.reasons.is_empty() {
        return item.reasons.iter().map(|&reason| reason.to_owned()).collect();
    }
    let at = |source: usize, line: u32| {
        let path = &graph.sources[source].path;
        if line > 0 { format!("{path}:{line}") } else { path.clone() }
    };
    let of_evidence = |evidence: &Evidence| {
        let place = at(evidence.place.source, evidence.place.line);
        match &evidence.live {
            Some(Live { remark, waiting, .. }) => {
                let lag = waiting.map(|waiting| format!(", lag {waiting}")).unwrap_or_default();
                format!("{remark}{lag} at {place}")
            }
            None if evidence.kind == EvidenceKind::SavedGraph => format!("seen in {place}"),
            None => format!("declared at {place}"),
        }
    };
    let of_places = item.places.iter().map(|place| {
        let verb = if graph.sources[place.source].kind.is_observed() { "seen" } else { "declared" };
        format!("{verb} at {}", at(place.source, place.line))
    });
    item.evidence.iter().map(of_evidence).chain(of_places).collect()
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    sides: Option<Sides<'a>>,
    drift: Vec<Item<'a>>,
    summary: Counts,
}

#[derive(Serialize)]
struct Item<'a> {
    verdict: Verdict,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<Relation>,
    evidence: Vec<Because<'a>>,
    reasons: &'a [&'a str],
}

#[derive(Serialize)]
struct Because<'a> {
    kind: EvidenceKind,
    source: &'a str,
    pointer: &'a str,
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Live>,
}

#[derive(Default, Serialize)]
struct Counts {
    undocumented: usize,
    missing: usize,
    not_observable: usize,
    confirmed: usize,
}

/// Writes `{"drift": [...], "summary": {...}}`, with `against` and `environment` before it where two environments are compared;
/// services and channels by their identifiers in the graph.
///
/// # Errors
/// Those of `out`.
pub fn write_json(
    out: &mut dyn Write,
    graph: &Graph,
    compared: &[Compared<'_>],
    sides: Option<Sides<'_>>,
) -> io::Result<()> {
    let mut summary = Counts::default();
    let id = |node| graph.node(node).id.as_str();
    let mut drift = Vec::with_capacity(compared.len());
    for item in compared {
        *match item.verdict {
            Verdict::Undocumented => &mut summary.undocumented,
            Verdict::Missing => &mut summary.missing,
            Verdict::NotObservable => &mut summary.not_observable,
            Verdict::Confirmed => &mut summary.confirmed,
        } += 1;
        let because = |evidence| Because::new(graph, evidence);
        let of_places = item.places.iter().map(|place| {
            let source = &graph.sources[place.source];
            let (pointer, line) = (place.pointer.as_str(), place.line);
            Because { kind: source.kind, source: &source.path, pointer, line, live: None }
        });
        drift.push(Item {
            verdict: item.verdict,
            channel: id(item.channel),
            service: item.flow.map(|(service, _)| id(service)),
            relation: item.flow.map(|(_, relation)| relation),
            evidence: item.evidence.iter().map(because).chain(of_places).collect(),
            reasons: &item.reasons,
        });
    }
    json_pretty(out, &Report { sides, drift, summary })
}

impl<'a> Because<'a> {
    fn new(graph: &'a Graph, evidence: &'a Evidence) -> Self {
        Self {
            kind: evidence.kind,
            source: &graph.sources[evidence.place.source].path,
            pointer: &evidence.place.pointer,
            line: evidence.place.line,
            live: evidence.live.as_ref(),
        }
    }
}
