//! Addresses that each protocol takes, and those it does not, at their exact places.

use super::{Candidate, fault};

fn says(protocol: &str, address: &str, sends: bool) -> Option<String> {
    let candidate = Candidate { address, bare: address, sends, bindings: None };
    fault(protocol, &candidate).map(|fault| fault.message)
}

/// The protocol, addresses it takes in both directions, and addresses it takes only for a subscription.
const GOOD: [(&str, &[&str], &[&str]); 15] = [
    ("kafka", &["shop.orders-placed_2", "x"], &[]),
    ("mqtt", &["a/b", "/a//b", "äpfel/ß", "$SYS/x", "a b"], &["a/+/b", "+", "+/+"]),
    ("nats", &["a.b", "A-1_b", "a*b.c>"], &["a.*.b", "a.>", ">"]),
    ("amqp", &["a/b c", "logs.#", "logs.*.info"], &[]),
    ("amqp1", &["topic://a b?x#y"], &[]),
    ("redis", &["a:b c*?[x]"], &[]),
    ("stomp", &["/queue/a b", "/topic/a.*"], &[]),
    ("jms", &["dynamicQueues/a b"], &[]),
    (
        "pulsar",
        &["orders", "t/n/a", "persistent://t-1/n=:._/a b", "non-persistent://t/n/a", "persistent://t/c/n/a"],
        &[],
    ),
    ("googlepubsub", &["a-1", "A_.~+%", "projects/p-1/topics/abc", "projects/p/subscriptions/abc"], &[]),
    ("sqs", &["a", "Orders_1-x.fifo", "https://sqs.eu.amazonaws.com/1/a-b", "arn:aws:sqs:eu:1:a_b"], &[]),
    ("sns", &["a", "Orders_1-x.fifo", "arn:aws:sns:eu:1:a_b"], &[]),
    ("solace", &["a/b", "a//b", "a*b/c", "a/>/b", "!a"], &["a/*", "a/b*/c", "a/>", ">"]),
    ("ibmmq", &["a/b c", "a+/b"], &["a/+/b"]),
    ("ws", &["/", "a/b;c=d@e:f", "/a%20b", "~a"], &[]),
];

#[test]
fn legal_addresses_pass() {
    for (protocol, both, received) in GOOD {
        for address in both {
            assert_eq!(says(protocol, address, true), None, "{protocol} {address}");
            assert_eq!(says(protocol, address, false), None, "{protocol} {address}");
        }
        for address in received {
            assert_eq!(says(protocol, address, false), None, "{protocol} {address}");
            assert!(says(protocol, address, true).is_some(), "{protocol} {address}");
        }
    }
}

#[test]
fn illegal_addresses_are_told_with_what_is_wrong() {
    let bad = [
        ("kafka", "a b", "cannot hold a space"),
        ("kafka-secure", "a/b", "cannot hold `/`"),
        ("KAFKA", "..", "cannot be called `..`"),
        ("mqtt", "", "at least one character"),
        ("mqtts", "a/b+/c", "`+` is a whole level"),
        ("mqtt5", "++", "`+` is a whole level"),
        ("secure-mqtt", "+a", "`+` is a whole level"),
        ("mqtt", "a\0b", "null character"),
        ("nats", "a..b", "an empty part"),
        ("nats", "a\tb", "cannot hold U+0009"),
        ("nats", "a.>.b", "`>` is the last part"),
        ("pulsar", "http://t/n/a", "`persistent` or `non-persistent`, not `http`"),
        ("pulsar", "t/a", "`topic` or `persistent://tenant/namespace/topic`"),
        ("pulsar", "persistent://t/a", "`topic` or `persistent://tenant/namespace/topic`"),
        ("pulsar", "persistent://t t/n/a", "cannot hold a space"),
        ("googlepubsub", "ab", "3 to 255 characters"),
        ("googlepubsub", "1abc", "starts with a letter"),
        ("googlepubsub", "googabc", "cannot start with `goog`"),
        ("googlepubsub", "a/bc", "cannot hold `/`"),
        ("sqs", "a.b", "cannot hold `.`"),
        ("sqs", ".fifo", "1 to 80 characters"),
        ("sns", "a b", "cannot hold a space"),
        ("ws", "a b", "cannot hold a space"),
        ("https", "/ä", "cannot hold `ä`"),
        ("http", "/100%", "two hexadecimal digits"),
        ("wss", "/a[0]", "cannot hold `[`"),
    ];
    for (protocol, address, what) in bad {
        let said = says(protocol, address, false).unwrap_or_default();
        assert!(said.contains(what), "{protocol} {address:?}: {said:?}");
    }
}

#[test]
fn lengths_count_to_their_last_byte() {
    let most = [
        ("kafka", 249),
        ("mqtt", 65_535),
        ("amqp", 255),
        ("googlepubsub", 255),
        ("sqs", 80),
        ("sns", 256),
        ("solace", 250),
        ("ibmmq", 10_240),
    ];
    for (protocol, most) in most {
        assert_eq!(says(protocol, &"a".repeat(most), true), None, "{protocol}");
        assert!(says(protocol, &"a".repeat(most + 1), true).is_some(), "{protocol}");
    }
    assert_eq!(says("solace", &["a"; 125].join("/"), true), None);
    assert_eq!(says("solace", &"/".repeat(127), true), None);
    assert!(says("solace", &"/".repeat(128), true).is_some());
    // Bytes, not characters.
    assert!(says("solace", &"ä".repeat(126), true).is_some());
}
