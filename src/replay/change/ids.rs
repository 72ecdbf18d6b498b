//! Identities of events given anew, in headers, facts of protocols, CloudEvents of every form and payloads.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::event::cloud_event::{Form, form};
use crate::event::correlation::plain_name;
use crate::event::{Event, Header};
use crate::replay::identity::Identities;
use crate::replay::json::{Decision, FieldPath, Followed, Scalar, Visitor, rewrite_payload};

/// The header that keeps the trace an event was recorded in.
pub const TRACE_LINK_HEADER: &str = "eddy-trace-link";

/// What becomes of identities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// They stay.
    #[default]
    Keep,
    /// Events get fresh ones; what refers to others stays.
    New,
    /// Each gets a new one that is the same wherever it stands, so that what referred to each other still does.
    Map,
}

/// How identities are changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewIds {
    /// In which way.
    pub ids: Ids,
    /// Where payloads carry identities, besides the members of a CloudEvent.
    pub fields: Vec<FieldPath>,
    /// Headers that carry identities of other events, besides those whose names say so.
    pub headers: Vec<String>,
}

/// What an identity stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The event itself.
    Event,
    /// Another event, or several that belong together.
    Related,
    /// A trace, as W3C writes it: `00-TRACE-SPAN-FLAGS`.
    TraceParent,
    /// A trace, alone or before `-` or `:`.
    Trace,
}

fn kind(name: &str) -> Option<Kind> {
    const RELATED: [&str; 10] = [
        "correlationid",
        "correlationdata",
        "causationid",
        "conversationid",
        "requestid",
        "inreplyto",
        "replytoid",
        "parentid",
        "parentmessageid",
        "relatedto",
    ];
    let name = plain_name(name);
    match name.as_str() {
        "traceparent" => Some(Kind::TraceParent),
        "b3" | "traceid" | "b3traceid" | "ubertraceid" => Some(Kind::Trace),
        "correlation" | "causation" => Some(Kind::Related),
        name if RELATED.iter().any(|ending| name.ends_with(ending)) => Some(Kind::Related),
        "id" | "eventid" | "msgid" | "natsmsgid" | "idempotencykey" => Some(Kind::Event),
        name if name.ends_with("messageid") => Some(Kind::Event),
        _ => None,
    }
}

/// New values for those of one event.
struct Giver<'a> {
    ids: Ids,
    identities: &'a Identities,
    number: u64,
    /// The trace the event was recorded in, once it was replaced.
    link: Option<String>,
}

impl Giver<'_> {
    /// What stands in place of the old value; none when it stays.
    fn bytes(&mut self, kind: Kind, old: &[u8]) -> Option<Vec<u8>> {
        if old.is_empty() {
            return None;
        }
        match (self.ids, kind) {
            (Ids::New, Kind::Event) => Some(self.identities.fresh(self.number, old)),
            (Ids::Map, Kind::Event | Kind::Related) => Some(self.identities.bytes(old)),
            (Ids::Map, Kind::TraceParent | Kind::Trace) => {
                let new = self.trace(kind, std::str::from_utf8(old).ok()?)?;
                Some(new.into_bytes())
            }
            _ => None,
        }
    }

    fn text(&mut self, kind: Kind, old: &str) -> Option<String> {
        self.bytes(kind, old.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok())
    }

    fn trace(&mut self, kind: Kind, old: &str) -> Option<String> {
        let sign = if old.contains(':') { ':' } else { '-' };
        let at = usize::from(kind == Kind::TraceParent);
        let mut parts: Vec<String> = old.split(sign).map(str::to_owned).collect();
        let trace = parts.get_mut(at).filter(|trace| !trace.is_empty())?;
        *trace = self.identities.text(&trace.to_ascii_lowercase());
        if kind == Kind::TraceParent {
            self.link = Some(old.to_owned());
        }
        Some(parts.join(&sign.to_string()))
    }
}

impl NewIds {
    fn kind_of_header(&self, name: &str) -> Option<Kind> {
        let is_named = || self.headers.iter().any(|each| each.eq_ignore_ascii_case(name));
        kind(name).or_else(|| is_named().then_some(Kind::Related))
    }

    /// Gives an event its new identities; `number` counts the events of the run.
    pub(super) fn apply(&self, event: &mut Event, identities: &Identities, number: u64) {
        if self.ids == Ids::Keep {
            return;
        }
        let mut giver = Giver { ids: self.ids, identities, number, link: None };
        let structured = form(event) == Some(Form::Structured);
        for header in &mut event.headers {
            if let (Some(kind), Some(old)) = (self.kind_of_header(&header.name), &header.value)
                && let Some(new) = giver.bytes(kind, old)
            {
                header.value = Some(new.into());
            }
        }
        attributes(event, &mut giver);
        if structured || !self.fields.is_empty() {
            let root = Place { depth: 0, kind: None, followed: followed(&self.fields) };
            let mut visitor = IdVisitor { giver: &mut giver, fields: &self.fields, structured };
            // What is no JSON has no fields.
            let _ = rewrite_payload(event, &mut visitor, &root);
        }
        if let Some(link) = giver.link {
            event.headers.retain(|header| header.name != TRACE_LINK_HEADER);
            event.headers.push(Header::text(TRACE_LINK_HEADER, link));
        }
    }
}

fn attributes(event: &mut Event, giver: &mut Giver<'_>) {
    for (name, value) in &mut event.attributes {
        // The id of a Redis entry is its place.
        let (Some(kind), Value::String(old)) = (kind(name).filter(|_| name != "id"), &value) else {
            continue;
        };
        let new = if name == "correlation_data" {
            // MQTT carries bytes there, which stand in base64.
            let old = BASE64_STANDARD.decode(old).ok();
            old.and_then(|old| giver.bytes(kind, &old)).map(|new| BASE64_STANDARD.encode(new))
        } else {
            giver.text(kind, old)
        };
        if let Some(new) = new {
            *value = Value::from(new);
        }
    }
}

fn followed(fields: &[FieldPath]) -> Followed {
    Followed::begin(fields, 0..fields.len())
}

struct Place {
    depth: usize,
    kind: Option<Kind>,
    followed: Followed,
}

struct IdVisitor<'a, 'b> {
    giver: &'a mut Giver<'b>,
    fields: &'a [FieldPath],
    structured: bool,
}

impl Visitor for IdVisitor<'_, '_> {
    type Place = Place;

    fn step(&mut self, place: &Place, name: &str, _: bool) -> Place {
        let is_attribute = self.structured && place.depth == 0;
        let followed = place.followed.step(self.fields, name);
        let kind = if followed.named(self.fields).is_some() {
            // Without a word about it, a field named by the user is the event itself for `new`.
            Some(kind(name).unwrap_or(Kind::Event))
        } else {
            kind(name).filter(|_| is_attribute)
        };
        Place { depth: place.depth + 1, kind, followed }
    }

    fn container(&mut self, place: &Place, _: &str) -> Option<Decision> {
        // Nothing further in is asked about.
        let is_over = place.followed.is_over() && !(self.structured && place.depth == 0);
        is_over.then_some(Decision::Keep)
    }

    fn scalar(&mut self, place: &Place, scalar: Scalar<'_>) -> Decision {
        let Some(kind) = place.kind else {
            return Decision::Keep;
        };
        let is_number = scalar.0.bytes().all(|each| each.is_ascii_digit());
        let new = match scalar.string() {
            Some(old) => self.giver.text(kind, &old).map(|new| Value::from(new).to_string()),
            None if is_number => self.giver.text(kind, scalar.0),
            None => None,
        };
        if new.is_some()
            && let Some(path) = place.followed.named(self.fields)
        {
            self.fields[path].note();
        }
        new.map_or(Decision::Keep, Decision::Replace)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use serde_json::json;

    use super::{Ids, NewIds, TRACE_LINK_HEADER};
    use crate::event::{Event, Header, Timestamp};
    use crate::replay::identity::Identities;

    fn changed(ids: Ids, fields: &[&str], mut event: Event, number: u64) -> Event {
        let fields = fields.iter().map(|path| path.parse().expect("a path")).collect();
        NewIds { ids, fields, headers: vec!["x-order".to_owned()] }.apply(
            &mut event,
            &Identities::of("run", 0),
            number,
        );
        event
    }

    fn request() -> Event {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut event = Event {
            headers: vec![
                Header::text("ce_id", "order-1"),
                Header::text("ce_source", "/shop"),
                Header::text("X-Correlation-Id", "flow-9"),
                Header::text("traceparent", trace),
                Header::text("reply-to", "answers"),
            ],
            received: Timestamp(7),
            ..Event::new("a", r#"{ "order": {"id": 41 , "flow":"flow-9"}, "id":"kept" }"#)
        };
        event.attributes.insert("correlation_data".to_owned(), json!("Zmxvdy05"));
        event.attributes.insert("id".to_owned(), json!("1793491200000-0"));
        event
    }

    #[test]
    fn what_referred_to_each_other_still_does() {
        let one = changed(Ids::Map, &["/order/flow", ".order.id"], request(), 0);
        let answer = Event {
            headers: vec![Header::text("ce-causationid", "order-1"), Header::text("ce-id", "flow-9")],
            ..Event::new("b", "no json")
        };
        let other = changed(Ids::Map, &["/order/flow"], answer, 1);
        assert_eq!(one.header_text("ce_id"), other.header_text("ce-causationid"));
        let flow = one.header_text("x-correlation-id").expect("a flow");
        assert_ne!(flow, "flow-9");
        assert_eq!(other.header_text("ce-id"), Some(flow));
        let data = one.attributes["correlation_data"].as_str().expect("text");
        assert_eq!(base64::prelude::BASE64_STANDARD.decode(data).expect("base64"), flow.as_bytes());
        let payload = String::from_utf8(one.payload.clone().expect("a payload").to_vec()).expect("text");
        assert!(payload.contains(&format!(r#" , "flow":"{flow}"}}, "id":"kept" }}"#)), "{payload}");
        assert!(!payload.contains("41 ,"), "{payload}");
        assert_eq!(
            (one.header_text("ce_source"), one.header_text("reply-to")),
            (Some("/shop"), Some("answers"))
        );
        assert_eq!(one.attributes["id"], "1793491200000-0");
    }

    #[test]
    fn a_trace_gets_a_new_number_and_keeps_the_old_one_as_a_link() {
        let event = changed(Ids::Map, &[], request(), 0);
        let new = event.header_text("traceparent").expect("a trace");
        let parts: Vec<&str> = new.split('-').collect();
        assert_eq!((parts[0], parts[1].len(), parts[2], parts[3]), ("00", 32, "00f067aa0ba902b7", "01"));
        assert_ne!(parts[1], "4bf92f3577b34da6a3ce929d0e0e4736");
        let link = event.header_text(TRACE_LINK_HEADER).expect("a link");
        assert!(link.contains("4bf92f3577b34da6a3ce929d0e0e4736"));
    }

    #[test]
    fn fresh_ones_are_for_the_event_itself_only() {
        let (one, other) = (changed(Ids::New, &[], request(), 0), changed(Ids::New, &[], request(), 1));
        assert_ne!(one.header_text("ce_id"), other.header_text("ce_id"));
        assert_eq!(one, changed(Ids::New, &[], request(), 0));
        assert_eq!(one.header_text("x-correlation-id"), Some("flow-9"));
        assert_eq!(one.header_text("traceparent"), request().header_text("traceparent"));
        assert_eq!(changed(Ids::Keep, &["/order/id"], request(), 0), request());
    }

    #[test]
    fn a_structured_event_is_changed_in_its_payload() {
        let text = r#"{"specversion":"1.0","id":"order-1","source":"/s","type":"t","correlationid":"c","data":{"id":"x"}}"#;
        for content_type in [None, Some("application/cloudevents+json")] {
            let headers = content_type.map(|found| Header::text("content-type", found)).into_iter().collect();
            let event = changed(Ids::Map, &[], Event { headers, ..Event::new("a", text) }, 0);
            let value: serde_json::Value =
                serde_json::from_slice(event.payload.as_deref().expect("a payload")).expect("JSON");
            let ids = Identities::of("run", 0);
            assert_eq!(value["id"], ids.text("order-1"));
            assert_eq!((&value["correlationid"], &value["data"]["id"]), (&json!(ids.text("c")), &json!("x")));
        }
    }

    #[test]
    fn a_header_that_the_contract_names_refers_to_others() {
        let event = || {
            let headers = vec![Header::text("X-Order", "flow-9"), Header::text("x-other", "flow-9")];
            Event { headers, ..Event::new("a", "x") }
        };
        let mapped = changed(Ids::Map, &[], event(), 0);
        assert_ne!(mapped.header_text("X-Order"), Some("flow-9"));
        assert_eq!(mapped.header_text("x-other"), Some("flow-9"));
        let again = changed(Ids::Map, &[], event(), 1);
        assert_eq!(mapped.header_text("X-Order"), again.header_text("X-Order"));
        assert_eq!(changed(Ids::New, &[], event(), 0).header_text("X-Order"), Some("flow-9"));
    }
}
