//! Tests of checking events against a contract.

use super::*;
use crate::contract::load_text;
use crate::event::Header;
use crate::source_text::Limits;

const CONTRACT: &str = "
asyncapi: 3.0.0
info: {title: Shop, version: 1.0.0}
defaultContentType: application/json
channels:
  orders:
    address: orders/{region}/{id}
    parameters: {region: {enum: [eu, us]}, id: {}}
    messages:
      placed: {$ref: '#/components/messages/OrderPlaced'}
      cancelled: {$ref: '#/components/messages/OrderCancelled'}
  fixed:
    address: orders/eu/fixed
    messages: {placed: {$ref: '#/components/messages/OrderPlaced'}}
  notes:
    address: notes
    messages: {note: {contentType: text/plain, payload: {type: string, maxLength: 5}}}
  blobs:
    address: blobs
    messages: {blob: {contentType: image/png, payload: {type: string}}}
components:
  messages:
    OrderPlaced:
      name: order.placed
      headers:
        type: object
        required: [attempt]
        additionalProperties: false
        properties: {attempt: {type: integer}}
      payload: {$ref: '#/components/schemas/Placed'}
    OrderCancelled:
      name: order.cancelled
      payload: {type: object, required: [reason], properties: {reason: {type: string}}}
  schemas:
    Placed:
      type: object
      required: [total]
      properties: {total: {type: number}}
";

fn checker() -> EventChecker {
    let loaded = load_text("shop.yaml", CONTRACT, &Limits::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    EventChecker::new(&loaded)
}

fn event(channel: &str, payload: &str, headers: &[(&str, &str)]) -> Event {
    let mut event = Event::new(channel, payload.to_owned());
    event.headers = headers.iter().map(|(name, value)| Header::text(*name, *value)).collect();
    event
}

fn words(verdict: &EventVerdict) -> Vec<String> {
    verdict.violations.iter().map(|(_, violation)| violation.message.clone()).collect()
}

#[test]
fn channels_are_found_by_address_and_parameters() {
    let checker = checker();
    let channel = |name: &str| checker.check(&event(name, "{}", &[])).channel;
    assert_eq!(channel("orders/eu/17").as_deref(), Some("orders/{region}/{id}"));
    assert_eq!(channel("orders/eu/fixed").as_deref(), Some("orders/eu/fixed"));
    assert_eq!(channel("orders/mars/17"), None);
    let verdict = checker.check(&event("note", "x", &[]));
    assert_eq!((verdict.is_valid(), verdict.meant.as_deref()), (false, Some("notes")));
}

#[test]
fn the_message_is_the_one_named_or_the_one_that_fits() {
    let checker = checker();
    let by_payload = checker.check(&event("orders/eu/1", "{\"reason\":\"late\"}", &[]));
    assert_eq!((by_payload.message.as_deref(), by_payload.is_valid()), (Some("order.cancelled"), true));
    let named = checker.check(&event(
        "orders/eu/1",
        "{\"reason\":\"late\"}",
        &[("ce_type", "order.placed"), ("attempt", "1")],
    ));
    assert_eq!(named.message.as_deref(), Some("order.placed"));
    assert_eq!(words(&named), ["required property `total` is missing"]);
    let by_key = checker.check(&event("orders/eu/1", "{}", &[("message", "cancelled")]));
    assert_eq!(words(&by_key), ["required property `reason` is missing"]);
}

#[test]
fn headers_are_text_that_may_mean_more() {
    let checker = checker();
    let check =
        |headers: &[(&str, &str)]| words(&checker.check(&event("orders/eu/fixed", "{\"total\":1}", headers)));
    assert_eq!(check(&[("Attempt", "2"), ("traceparent", "00-x"), ("ce_id", "1")]), [""; 0]);
    assert_eq!(check(&[("attempt", "two")]), ["`attempt` is a string, not an integer"]);
    assert_eq!(check(&[("attempt", "2"), ("atempt", "2")]), ["unknown property `atempt`"]);
    assert_eq!(check(&[]), ["required property `attempt` is missing"]);
}

#[test]
fn structured_events_are_taken_whole_or_by_their_data() {
    let checker = checker();
    let check = |payload: &str| {
        let headers = [("content-type", "application/cloudevents+json; charset=utf-8"), ("attempt", "1")];
        checker.check(&event("orders/eu/1", payload, &headers))
    };
    let good = check("{\"specversion\":\"1.0\",\"type\":\"order.placed\",\"data\":{\"total\":3}}");
    assert_eq!((good.message.as_deref(), good.is_valid()), (Some("order.placed"), true), "{good:?}");
    let bad = check("{\"specversion\":\"1.0\",\"type\":\"order.placed\",\"data\":{\"total\":\"3\"}}");
    assert_eq!(words(&bad), ["`total` is a string, not a number"]);
    assert_eq!(bad.violations[0].1.instance_pointer, "/data/total");
}

#[test]
fn what_is_not_checked_is_said() {
    let checker = checker();
    assert_eq!(
        words(&checker.check(&event("notes", "hello!", &[]))),
        ["the value has 6 characters, more than 5"]
    );
    let blob = checker.check(&event("blobs", "\u{1}", &[]));
    assert_eq!(blob.unchecked.as_deref(), Some("payloads of `image/png` are not checked"));
    let mut tombstone = event("orders/eu/fixed", "", &[("attempt", "1")]);
    tombstone.payload = None;
    let verdict = checker.check(&tombstone);
    assert!(verdict.is_valid() && verdict.unchecked.is_some());
}

#[test]
fn an_event_can_be_checked_as_a_named_message() {
    let checker = checker();
    let stray = event("elsewhere", "{}", &[]);
    assert_eq!(
        words(&checker.check_as(&stray, "OrderCancelled").unwrap()),
        ["required property `reason` is missing"]
    );
    assert!(checker.check_as(&stray, "nothing").is_none());
    assert_eq!(checker.messages("orders/us/3").len(), 2);
    assert!(checker.message("order.placed").unwrap().payload().is_some());
}

#[test]
fn compressed_payloads_are_checked_by_their_content() {
    let packed = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("packing");
    let verdict = |payload: Vec<u8>| {
        checker().check(&Event {
            headers: vec![Header::text("attempt", "1")],
            ..Event::new("orders/eu/fixed", payload)
        })
    };
    assert!(verdict(packed(r#"{"total": 1}"#)).violations.is_empty());
    assert_eq!(verdict(packed(r#"{"total": "1"}"#)).violations.len(), 1);
    let mut cut = packed(r#"{"total": 1}"#);
    cut.truncate(10);
    let unchecked = verdict(cut).unchecked.expect("a reason");
    assert!(unchecked.starts_with("the payload is zstd that cannot be read: "), "{unchecked}");
}
