//! A sample service of the demo's shop, as a process of its own: it receives, keeps a journal, reacts, and sends.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::commands::{CommandError, Context, Status};
use crate::endpoint::open::{open_sink, open_source};
use crate::endpoint::{Address, SinkOptions, SourceOptions};
use crate::event::{Event, json_lines};

/// Events asked for at a time.
const BATCH: usize = 512;
/// Orders above this many cents are declined.
const LIMIT_CENTS: u64 = 10_000;

/// The sample services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Name {
    /// Takes checkouts, places orders
    Orders,
    /// Charges placed orders
    Payments,
    /// Reserves stock, sends parcels
    Shipping,
}

/// Flags of `eddy demo service`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eddy demo service orders --broker mqtt://127.0.0.1:18830 --journal orders.ndjson"
)]
pub struct Args {
    /// Which service to be
    #[arg(value_enum)]
    name: Name,
    /// The broker
    #[arg(long, value_name = "ADDRESS")]
    broker: String,
    /// File to which every received event is added, one JSON line each
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// Stop when standard input ends
    #[arg(long)]
    stop_with_input: bool,
}

impl Name {
    /// Addresses the service receives from.
    fn receives(self) -> &'static [&'static str] {
        match self {
            Self::Orders => &["shop/checkout/submitted", "shop/payments/declined", "shop/parcels/sent"],
            Self::Payments => &["shop/orders/placed"],
            Self::Shipping => &["shop/orders/placed", "shop/payments/captured"],
        }
    }

    /// What the service sends in answer to one event. Times and identities come from the event, so that the same
    /// input always gives the same output.
    fn react(self, channel: &str, payload: &Value) -> Vec<(&'static str, Value)> {
        let order = &payload["orderId"];
        match (self, channel) {
            (Self::Orders, "shop/checkout/submitted") => vec![("shop/orders/placed", placed(payload))],
            (Self::Payments, "shop/orders/placed") => vec![charged(payload)],
            (Self::Shipping, "shop/orders/placed") => {
                let pieces: u64 = lines(payload).filter_map(|line| line["quantity"].as_u64()).sum();
                let reserved = json!({"orderId": order, "pieces": pieces, "reservedAt": payload["placedAt"]});
                vec![("shop/stock/reserved", reserved)]
            }
            (Self::Shipping, "shop/payments/captured") => {
                let parcel: String = order.as_str().unwrap_or_default().chars().take(8).collect();
                let sent = json!({"orderId": order, "parcel": format!("P-{parcel}"), "sentAt": payload["capturedAt"]});
                vec![("shop/parcels/sent", sent)]
            }
            _ => Vec::new(),
        }
    }
}

fn lines(payload: &Value) -> impl Iterator<Item = &Value> {
    payload["lines"].as_array().into_iter().flatten()
}

fn placed(checkout: &Value) -> Value {
    let cents = |line: &Value| Some(line["quantity"].as_u64()? * line["unitCents"].as_u64()?);
    let total: u64 = lines(checkout).filter_map(cents).sum();
    json!({
        "orderId": checkout["checkoutId"],
        "email": checkout["email"],
        "placedAt": checkout["submittedAt"],
        "totalCents": total,
        "lines": checkout["lines"],
    })
}

fn charged(order: &Value) -> (&'static str, Value) {
    let total = order["totalCents"].as_u64().unwrap_or_default();
    let (id, at) = (&order["orderId"], &order["placedAt"]);
    if total > LIMIT_CENTS {
        return (
            "shop/payments/declined",
            json!({"orderId": id, "reason": "limit-exceeded", "declinedAt": at}),
        );
    }
    ("shop/payments/captured", json!({"orderId": id, "amountCents": total, "capturedAt": at}))
}

/// Runs one service until it is told to stop.
pub fn run(args: &Args, context: &Context) -> Result<Status, CommandError> {
    context.runtime(1)?.block_on(serve(args, context))
}

async fn serve(args: &Args, context: &Context) -> Result<Status, CommandError> {
    let broker = Address::parse(&args.broker)?;
    let mut journal = std::fs::File::create(&args.journal)
        .map_err(|error| CommandError::unwritable(&args.journal, &error))?;
    let mut sink = open_sink(&broker, &SinkOptions::default()).await?;
    let mut incoming = subscribe(args.name, &broker).await?;
    report(context, &json!({"received": {}}))?;
    let mut stop = std::pin::pin!(stopped(args.stop_with_input));
    let mut received: BTreeMap<String, u64> = BTreeMap::new();
    let mut sequence = 0;
    loop {
        let batch = tokio::select! {
            batch = incoming.recv() => batch,
            () = &mut stop => None,
        };
        let Some(batch) = batch else { break };
        let mut replies = Vec::new();
        let mut text = Vec::new();
        for event in batch? {
            json_lines::encode(&event, sequence, &mut text);
            text.push(b'\n');
            sequence += 1;
            *received.entry(event.channel.to_string()).or_default() += 1;
            replies.extend(answer(args.name, &event));
        }
        journal.write_all(&text)?;
        if !replies.is_empty() {
            let receipts = sink.send(&replies).await.await;
            receipts
                .into_iter()
                .try_for_each(|delivery| delivery.outcome.map(drop).map_err(|error| *error))?;
        }
        report(context, &json!({"received": received}))?;
    }
    sink.close().await?;
    Ok(Status::Done)
}

/// One subscription per channel; each keeps its order.
async fn subscribe(
    name: Name,
    broker: &Address,
) -> Result<mpsc::Receiver<Result<Vec<Event>, CommandError>>, CommandError> {
    let (sender, receiver) = mpsc::channel(16);
    for channel in name.receives() {
        let mut address = broker.clone();
        (*channel).clone_into(&mut address.path);
        let mut source = open_source(&address, &SourceOptions::default()).await?;
        let sender = sender.clone();
        tokio::spawn(async move {
            loop {
                let batch = source.next_batch(BATCH).await.map_err(CommandError::from);
                let ended = batch.as_ref().map_or(true, Vec::is_empty);
                if sender.send(batch).await.is_err() || ended {
                    break;
                }
            }
        });
    }
    Ok(receiver)
}

fn answer(name: Name, event: &Event) -> Vec<Event> {
    let payload = event.payload.as_deref().unwrap_or_default();
    let Ok(payload) = serde_json::from_slice::<Value>(payload) else {
        return Vec::new();
    };
    let replies = name.react(&event.channel, &payload).into_iter();
    replies.map(|(channel, payload)| Event::new(channel, payload.to_string().into_bytes())).collect()
}

async fn stopped(with_input: bool) {
    let input_ended = async {
        if with_input {
            let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = input_ended => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn report(context: &Context, line: &Value) -> Result<(), CommandError> {
    let mut data = context.ui.data();
    writeln!(data, "{line}")?;
    data.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Name;

    #[test]
    fn an_order_is_placed_charged_and_sent() {
        let checkout = json!({"checkoutId": "5d2f7a9e-6f0c-4f57-9d0e-0c9b1a6f2c11", "email": "a@b.c",
            "submittedAt": "2026-11-01T09:30:00Z", "lines": [{"sku": "BOOK-0042", "quantity": 2, "unitCents": 1999}]});
        let placed = Name::Orders.react("shop/checkout/submitted", &checkout);
        assert_eq!(placed[0].1["totalCents"], 3998);
        let charged = Name::Payments.react("shop/orders/placed", &placed[0].1);
        assert_eq!(charged[0].0, "shop/payments/captured");
        let sent = Name::Shipping.react(charged[0].0, &charged[0].1);
        assert_eq!(sent[0].1["parcel"], "P-5d2f7a9e");
        assert_eq!(Name::Shipping.react("shop/orders/placed", &placed[0].1)[0].1["pieces"], 2);
        assert!(Name::Orders.react("shop/parcels/sent", &sent[0].1).is_empty());
    }
}
